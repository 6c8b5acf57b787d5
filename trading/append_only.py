"""The database itself refuses to change a version: the triggers that the migration puts up."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = ("trading_risklimits", "trading_strategyparameters")
FUNCTION = "trading_refuse_change"


def protect(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers up. A later migration that rebuilds one of the tables on SQLite has to call this again."""
    if editor.connection.vendor == "postgresql":
        editor.execute(
            f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'versions are append-only: add a new one'; END $$"
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


def _trigger(table: str, vendor: str) -> str:
    if vendor == "postgresql":
        return (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {FUNCTION}()"
        )
    # Not for DELETE on SQLite: `manage.py flush` empties tables with it, where PostgreSQL has TRUNCATE.
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'versions are append-only: add a new one'); END"
    )
