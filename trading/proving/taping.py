"""MortalRecorder: the real recorder on a disk that can be full, of a trader that can be killed; what was not handed
over to the operating system by then is gone."""

import shutil
from collections.abc import Callable
from pathlib import Path

from markets.core.events import Message
from markets.recorder import Recorder
from markets.tape import PLAIN, TapeError, TapeHeader, files_of
from trading.proving.mortal import Mortal


class MortalRecorder(Recorder):
    """`is_full` says whether the disk takes nothing now."""

    def __init__(self, folder: Path, header: TapeHeader, life: Mortal, is_full: Callable[[], bool]) -> None:
        self._life, self._is_full = life, is_full
        if is_full():
            raise TapeError(f"{folder}: no space left on that disk.")
        super().__init__(folder, header)

    def append(self, message: Message) -> None:
        """As the recorder's."""
        self._life.passes("tape_append")
        super().append(message)

    def flush(self) -> None:
        """As the recorder's."""
        self._life.passes("tape_flush")
        if self._is_full():
            raise TapeError(f"{self.path}: cannot be written (No space left on device); free space on that disk.")
        super().flush()
        self._life.passes("tape_flushed")

    def close(self, seal: bool = True) -> Path:
        """As the recorder's, but never compressed: that costs time and proves nothing."""
        self._life.passes("tape_flush")
        if self._is_full():
            raise TapeError(f"{self.path}: cannot be written (No space left on device); free space on that disk.")
        return super().close(seal=False)

    def dropped(self) -> None:
        """The process is gone: its file is closed as it is, and its thread with it."""
        self._writer.drop()
        self._backlog.close()


def cut(folder: Path, name: str, share: float) -> int:
    """A power cut: the last part of the last file of a recording never reached the disk. Returns the bytes lost."""
    files = [file for file in files_of(folder / f"{name}{PLAIN}") if file.exists()] or sorted(folder.glob(f"{name}*"))
    last = files[-1]
    size = last.stat().st_size
    first_line = last.read_bytes().find(b"\n") + 1
    kept = max(first_line, size - int(share))
    with last.open("r+b") as file:
        file.truncate(kept)
    return size - kept


def emptied(folder: Path) -> None:
    """No recordings any more."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
