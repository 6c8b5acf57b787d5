"""Append events to a file, read them back in order; one line an event. The door to `markets.tapes`."""

from markets.tapes.parts import files_of, read_whole, tape_find, whole_name
from markets.tapes.reading import is_complete, read_end, read_header, read_rows, read_tape
from markets.tapes.sealing import seal_tape
from markets.tapes.words import PLAIN, SEALED, VERSION, TapeEnd, TapeError, TapeHeader
from markets.tapes.writing import TapeWriter

__all__ = [
    "PLAIN",
    "SEALED",
    "VERSION",
    "TapeEnd",
    "TapeError",
    "TapeHeader",
    "TapeWriter",
    "files_of",
    "is_complete",
    "read_end",
    "read_header",
    "read_rows",
    "read_tape",
    "read_whole",
    "seal_tape",
    "tape_find",
    "whole_name",
]
