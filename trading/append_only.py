"""The database itself refuses to change a version, a forecast or what was fitted: the triggers that the migrations put up."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = ("trading_risklimits", "trading_strategyparameters")
RECORD = ("trading_forecast", "trading_settlementaudit", "trading_fittedartefact")
FUNCTION = "trading_refuse_change"


def protect(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers up. A later migration that rebuilds one of the tables on SQLite has to call this again."""
    if editor.connection.vendor == "postgresql":
        editor.execute(
            f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of this table are append-only: add a new one'; END $$"
        )
    for table in TABLES:
        editor.execute(_trigger(table, editor.connection.vendor))


def release(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers down again."""
    for table in TABLES:
        on_table = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
        editor.execute(f"DROP TRIGGER {table}_append_only{on_table}")
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP FUNCTION {FUNCTION}()")


def protect_record(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """The same for the forecast record, after `protect`."""
    for table in RECORD:
        editor.execute(_trigger(table, editor.connection.vendor))


def release_record(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Take those down again."""
    for table in RECORD:
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
