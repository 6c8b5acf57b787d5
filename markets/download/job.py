"""One download from its first page to its last, through any number of interruptions."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from markets.download.errors import DownloadError
from markets.download.pages import PageFile
from markets.download.source import Mark, Source

SPEC, PAGES, DONE = "job.json", "pages.zst", ".done"
Progress = Callable[[float, int, int], None]  # share, pages, rows


class Spec(msgspec.Struct, frozen=True):
    """What is downloaded. `started_ns` is when it was first asked for: it stays when a later run goes on with it."""

    name: str
    words: str
    base: str
    started_ns: int


class Job:
    """The folder of a download: its spec and its pages. Only one process may have it open."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        """Begin, or go on with what is there. Raises DownloadError when another download is there, or has it open."""
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DownloadError(
                f"{folder} cannot be made ({error.strerror}); check BOT_HOME and its rights."
            ) from error
        self.pages = PageFile(folder / PAGES)
        try:
            self.spec = _agreed(folder / SPEC, spec)
        except DownloadError:
            self.pages.close()
            raise
        self.resumed = len(self.pages)

    def run(self, source: Source, progress: Progress) -> None:
        """Fetch what is missing. Raises DownloadError; whatever ends it, each whole page is kept."""
        mark: Mark | None = source.first()
        seen: set[Mark] = set()
        rows = 0
        for page in self.pages.pages():
            source.learn(page)
            rows += len(page.rows)
            seen.add(page.mark)
            mark = page.next
            progress(page.share, len(seen), rows)
        while mark is not None:
            if mark in seen:
                raise DownloadError(f"{self.spec.base} leads back to a page that we have ({mark.stage} {mark.cursor}).")
            page = source.fetch(mark)
            self.pages.append(page)
            source.learn(page)
            rows += len(page.rows)
            seen.add(mark)
            mark = page.next
            progress(page.share, len(seen), rows)

    def close(self) -> None:
        """Let go of the folder; its pages stay."""
        self.pages.close()

    def remove(self) -> None:
        """The pages are not needed any more. They go at once: what is half removed is not taken for half fetched."""
        done = self.folder.with_name(self.folder.name + DONE)
        shutil.rmtree(done, ignore_errors=True)
        self.folder.replace(done)
        self.pages.close()
        shutil.rmtree(done, ignore_errors=True)


def forget(folder: Path) -> None:
    """Drop what an earlier run got. Raises DownloadError when another download is at it."""
    if folder.exists():
        PageFile(folder / PAGES).close()
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """A file appears with all of its content, or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    publish(part, path)


def publish(part: Path, path: Path) -> None:
    """Give a finished file its own name, durably."""
    part.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _agreed(path: Path, spec: Spec) -> Spec:
    """The spec that the folder began with, if it is the same download."""
    if not path.exists():
        write_whole(path, msgspec.json.encode(spec))
        return spec
    try:
        begun = msgspec.json.decode(path.read_bytes(), type=Spec)
    except (OSError, msgspec.DecodeError) as error:
        raise DownloadError(f"{path} cannot be read ({error}); run with --restart to begin anew.") from error
    if (begun.words, begun.base) != (spec.words, spec.base):
        raise DownloadError(
            f"{path.parent.name} was begun as `{begun.words}` from {begun.base}; finish that, or run with --restart to begin anew."
        )
    return begun
