"""The pages got so far, in a file that only grows: what a killed download leaves, the next one goes on from."""

import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard

from markets.download.errors import DownloadError
from markets.download.source import Page

CHUNK = 1 << 16
LEVEL = 3
log = logging.getLogger(__name__)


class _Frame(NamedTuple):
    start: int
    size: int


class PageFile:
    """Each page is one zstd frame with a checksum around one line of JSON (`zstd -dc` shows them all). A frame is on the disk
    before `append` returns; a frame that was cut off, or is damaged, goes with all that follow it when the file is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._encode = msgspec.json.Encoder().encode
        self._decoder = msgspec.json.Decoder(Page)
        self._compress = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress
        self._frames: list[_Frame] = []
        try:
            self._file = path.open("a+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise DownloadError(f"{path.parent} is in use by another download; let that one finish.") from None
        except OSError as error:
            raise DownloadError(
                f"{path} cannot be written ({error.strerror}); check the folder and its rights."
            ) from error
        self._recover()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def size_bytes(self) -> int:
        """Of all whole pages."""
        return self._frames[-1].start + self._frames[-1].size if self._frames else 0

    def append(self, page: Page) -> None:
        """Keep a page: it survives the end of this process and of the machine."""
        frame = self._compress(self._encode(page) + b"\n")
        start = self.size_bytes
        try:
            view = memoryview(frame)
            while view:
                view = view[self._file.write(view) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(start)
            raise DownloadError(
                f"{self.path} cannot be written ({error.strerror}); free space on that disk."
            ) from error
        self._frames.append(_Frame(start, len(frame)))

    def pages(self, *, newest_first: bool = False) -> Iterator[Page]:
        """All pages as they came, or the last one first. Only one is in memory at a time."""
        for frame in reversed(self._frames) if newest_first else list(self._frames):
            yield self._read(frame)

    def page(self, number: int) -> Page:
        """The page with this number, the first is 0."""
        return self._read(self._frames[number])

    def close(self) -> None:
        """Let go of the file, and of the right to write it."""
        self._file.close()

    def _read(self, frame: _Frame) -> Page:
        data = os.pread(self._file.fileno(), frame.size, frame.start)
        try:
            return self._decoder.decode(zstandard.ZstdDecompressor().decompressobj().decompress(data))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise DownloadError(f"{self.path} was changed while it was read ({error}); run with --restart.") from error

    def _recover(self) -> None:
        """Find the whole pages; cut off what follows them."""
        for frame in self._whole_frames():
            try:
                self._read(frame)
            except DownloadError:
                break  # a page of another version
            self._frames.append(frame)
        surplus = self.path.stat().st_size - self.size_bytes
        if surplus:
            log.warning("%s: the last page was cut off; its %d bytes are asked for again", self.path, surplus)
            self._file.truncate(self.size_bytes)

    def _whole_frames(self) -> Iterator[_Frame]:
        start, position, waiting = 0, 0, b""
        reader = zstandard.ZstdDecompressor().decompressobj()
        while chunk := waiting or os.pread(self._file.fileno(), CHUNK, position):
            position += 0 if waiting else len(chunk)
            try:
                reader.decompress(chunk)
            except zstandard.ZstdError:
                return
            waiting = b""
            if reader.eof:
                waiting = reader.unused_data
                end = position - len(waiting)
                yield _Frame(start, end - start)
                start, reader = end, zstandard.ZstdDecompressor().decompressobj()
