"""The database itself refuses to change a version, a forecast or what was fitted: the triggers that the migrations put up."""

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = ("trading_risklimits", "trading_strategyparameters")
RECORD = ("trading_forecast", "trading_settlementaudit", "trading_fittedartefact")
LEDGER = ("trading_ledgerentry",)
FUNCTION = "trading_refuse_change"


def protect(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers up. A later migration that rebuilds one of the tables on SQLite has to call this again."""
    if editor.connection.vendor == "postgresql":
        editor.execute(
            f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of this table are append-only: add a new one'; END $$"
        )
    _protect(TABLES, editor)


def release(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers down again."""
    _release(TABLES, editor)
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP FUNCTION {FUNCTION}()")


def protect_record(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """The same for the forecast record, after `protect`."""
    _protect(RECORD, editor)


def release_record(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Take those down again."""
    _release(RECORD, editor)


def protect_ledger(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """The same for the entries of the ledger, after `protect`."""
    _protect(LEDGER, editor)


def release_ledger(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Take those down again."""
    _release(LEDGER, editor)


def _protect(tables: Sequence[str], editor: BaseDatabaseSchemaEditor) -> None:
    for table in tables:
        editor.execute(_trigger(table, editor.connection.vendor))


def _release(tables: Sequence[str], editor: BaseDatabaseSchemaEditor) -> None:
    for table in tables:
        on_table = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
        editor.execute(f"DROP TRIGGER {table}_append_only{on_table}")


def _trigger(table: str, vendor: str) -> str:
    if vendor == "postgresql":
        return (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {FUNCTION}()"
        )
    # Not for DELETE on SQLite: `manage.py flush` empties tables with it, where PostgreSQL has TRUNCATE.
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'rows of this table are append-only: add a new one'); END"
    )
