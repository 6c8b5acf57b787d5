"""Rows that are only ever added to, taken away all the same: for tests that begin again within one."""

from django.db import connection


def empty_ledger(account: str) -> None:
    """As if there had never been entries: SQLite lets rows be taken away, on PostgreSQL the trigger has to be."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE trading_ledgerentry DISABLE TRIGGER ALL")
        cursor.execute("DELETE FROM trading_ledgerentry WHERE account = %s", [account])
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE trading_ledgerentry ENABLE TRIGGER ALL")
