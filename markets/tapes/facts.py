"""FileFacts: what one file of a tape holds, as the catalogue keeps it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from markets.tapes.words import TapeError


class FileFacts(msgspec.Struct):
    """`file` is its name; counts leave out what a part repeats at its beginning, `carried` is how many markets it
    repeats there. `losses` counts how often a feed was lost while something else was still quoted."""

    file: str
    events: int
    first_ns: int
    last_ns: int
    markets: int
    carried: int
    losses: int
    size_bytes: int
    sha256: str
    cut: bool = False


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file, in hex. Raises TapeError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TapeError(f"{path} cannot be read ({error.strerror}); `kalshi-bot tapes` lists what is there.") from error


def fingerprint_of_all(files: Sequence[FileFacts]) -> str:
    """That of a whole: its file's own, or one over those of its parts."""
    if len(files) == 1:
        return files[0].sha256
    return hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
