"""What one part makes, as bytes that are the same whoever played it, and where they are kept."""

import hashlib
import logging
from collections.abc import Callable, Sequence

import msgspec
import zstandard
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from backtests.core.trial import TrialResult
from backtests.lane.by_engine import play_by_engine
from backtests.lane.runner import play_span, problem
from backtests.shelf import Reel, reels_find
from backtests.studies.fits import fitted_of, play_fitted
from backtests.studies.inputs import Setting, StudyInputs
from trading.core.realism import Realism

VERSION = 1
LEVEL = 6
MOST_BYTES = 1 << 30
Watch = Callable[[], None]
log = logging.getLogger(__name__)


class ArtefactError(RuntimeError):
    """What a part made is gone or was changed."""


class Work(msgspec.Struct, frozen=True):
    """StudyPart.work: the day, its tapes, the versions of what was fitted, and the trials with what they turn."""

    span: int
    day: int
    tapes: tuple[str, ...]
    trials: tuple[tuple[int, dict[str, str]], ...]
    fits: tuple[int, ...] = ()


class Made(msgspec.Struct, frozen=True):
    """The content of an artefact: what each trial of the part made, by number."""

    version: int
    span: int
    day: int
    results: tuple[TrialResult, ...]


def play(inputs: StudyInputs, work: Work, watch: Watch) -> bytes:
    """Play the part: what the compiled lane can, at once, the rest one by one by the engine. `watch` is called every
    second or so and may raise to stop. Returns the content of the artefact. Raises InputError for unplayable tapes."""
    reels = reels_find(work.tapes, files=inputs.files)
    settings = [(number, inputs.setting(values)) for number, values in sorted(work.trials, key=lambda trial: trial[0])]
    results: list[TrialResult] = []
    fitted = fitted_of(work.fits)
    for together in blocks(settings, is_engine=inputs.engine):
        watch()
        results += (
            _played(reels, inputs, together, watch)
            if fitted is None
            else [play_fitted(reels, inputs.capital, setting, number, fitted, watch) for number, setting in together]
        )
    results.sort(key=lambda result: result.trial)
    return msgspec.json.encode(Made(VERSION, work.span, work.day, tuple(results)))


def blocks(settings: Sequence[tuple[int, Setting]], *, is_engine: bool) -> list[list[tuple[int, Setting]]]:
    """What is played at once: all that the compiled lane plays under the same treatment of orders; each other by itself."""
    found: dict[tuple[str, int | Realism], list[tuple[int, Setting]]] = {}
    for number, setting in settings:
        key: int | Realism = number if is_engine or problem(*setting) else setting.realism
        found.setdefault((type(key).__name__, key), []).append((number, setting))
    return list(found.values())


def digest_of(content: bytes) -> str:
    """SHA-256 of what a part made, before it is compressed."""
    return hashlib.sha256(content).hexdigest()


def name_of(study: int, number: int, digest: str) -> str:
    """Where an artefact is kept: the same for the same content, so that twice played is once kept."""
    return f"studies/{study}/{number:06d}-{digest[:16]}.json.zst"


def keep(name: str, content: bytes) -> str:
    """Put it into the storage, once; what a killed worker left half written is replaced. Returns the name it has there."""
    store = _store()
    if store.exists(name):
        if _content(name) == content:
            return name
        store.delete(name)
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(content)
    return store.save(name, ContentFile(packed))


def drop(name: str) -> None:
    """Take an artefact away that nobody points to."""
    _store().delete(name)


def packed(name: str) -> bytes:
    """The artefact as it is kept. Raises ArtefactError when it is gone."""
    try:
        with _store().open(name) as file:
            found: bytes = file.read()
            return found
    except OSError as error:
        raise ArtefactError(f"The artefact {name} cannot be read: {error}") from None


def made(name: str, digest: str) -> Made:
    """What a part made. Raises ArtefactError when it is gone, or not what the part's row says."""
    content = _content(name)
    if content is None or digest_of(content) != digest:
        raise ArtefactError(f"The artefact {name} is gone or damaged; resume the study, and it is made again.")
    return msgspec.json.decode(content, type=Made)


def is_kept(name: str, digest: str) -> bool:
    """Whether the artefact is there, whole."""
    content = _content(name) if name else None
    return content is not None and digest_of(content) == digest


def _played(
    reels: Sequence[Reel], inputs: StudyInputs, trials: Sequence[tuple[int, Setting]], watch: Watch
) -> list[TrialResult]:
    if inputs.engine:
        return [play_by_engine(reels, inputs.capital, *setting, number, watch) for number, setting in trials]
    wanted = [(setting.limits, setting.parameters) for _, setting in trials]
    found = play_span(reels, inputs.capital, wanted, 0, realism=trials[0][1].realism, watch=watch)
    return [msgspec.structs.replace(result, trial=number) for (number, _), result in zip(trials, found, strict=True)]


def _content(name: str) -> bytes | None:
    """The content; None where there is none, or it was written only in part."""
    try:
        return zstandard.ZstdDecompressor().decompress(packed(name), max_output_size=MOST_BYTES)
    except (ArtefactError, zstandard.ZstdError):
        return None


def _store() -> Storage:
    return storages["artefacts"]
