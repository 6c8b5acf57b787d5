"""What a recorder tells and asks the database, from the thread in which it seals and removes its parts."""

import threading
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from markets import services
from markets.tape import TapeHeader
from markets.tapes.facts import FileFacts


def part_sealed(path: Path, header: TapeHeader, facts: FileFacts) -> None:
    """A part is whole. The thread has a connection of its own, which nobody else would close."""
    try:
        services.tape_part_sealed(path, header, facts)
    finally:
        connection.close()


def part_removed(path: Path) -> None:
    """A part had to go."""
    try:
        services.tape_part_removed(path)
    finally:
        connection.close()


def in_use() -> set[str]:
    """The names of the tapes that are being played, as PROTECTED_TAPES tells them. Asked from either thread."""
    try:
        return set(import_string(settings.PROTECTED_TAPES)())
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()
