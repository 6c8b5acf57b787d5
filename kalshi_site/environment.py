"""Typed readers of environment variables: a value that cannot be used ends in a sentence that says what to do."""

import json
import os
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}


def load_file(path: Path) -> None:
    """Take NAME=value lines from `path`, if it exists; what the environment already has wins."""
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise ImproperlyConfigured(f"line {number} of {path} is not NAME=value; correct it or take it out.")
        os.environ.setdefault(name.strip(), plain(value))


def plain(value: str) -> str:
    """Without quotes, or without the comment behind it."""
    word = value.strip()
    if word[:1] in {"'", '"'} and word.find(word[0], 1) > 0:
        return word[1 : word.index(word[0], 1)]
    return "" if word.startswith("#") else word.partition(" #")[0].rstrip()


def text(name: str, default: str) -> str:
    """The variable without surrounding blanks; the default when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    word = text(name, "1" if default else "0").lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name}={word} is neither yes nor no; set it to 1 or 0.")
    return word in TRUE_WORDS


def choice(name: str, default: str, *, among: Sequence[str]) -> str:
    """One of a few words."""
    word = text(name, default).lower()
    if word not in among:
        raise ImproperlyConfigured(f"{name}={word} is unknown; set it to one of: {', '.join(among)}.")
    return word


def integer(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number between `least` and `most`, both allowed."""
    word = text(name, str(default))
    try:
        value = int(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={word} is not a whole number.") from None
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name}={word} is out of range; set it between {least} and {most}.")
    return value


def number(name: str, default: float, *, least: float, most: float) -> float:
    """A number between `least` and `most`, both allowed."""
    word = text(name, str(default))
    try:
        value = float(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={word} is not a number.") from None
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name}={word} is out of range; set it between {least:g} and {most:g}.")
    return value


def speed(name: str, default: float) -> float:
    """How many times faster than the clock: a positive number, or `max` for as fast as it goes, which is 0."""
    word = text(name, str(default)).lower()
    if word == "max":
        return 0.0
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 1e6:
        raise ImproperlyConfigured(f"{name}={word} is not a speed; set it to a number above 0 such as 1 or 10, or max.")
    return value


def words(name: str, default: str) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def json_object(name: str) -> dict[str, Any]:
    """A JSON object; empty when it is unset."""
    word = text(name, "{}")
    try:
        value = json.loads(word)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f'{name} is not a JSON object; write it like {{"location": "/folder"}}.')
    return value


def folder(name: str, default: Path) -> Path:
    """An absolute path; `~` means the home folder."""
    return Path(text(name, str(default))).expanduser().absolute()


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"cannot make {path} ({error.strerror}); set BOT_HOME to a folder we may write."
        ) from None
    return path


def secret_from_file(path: Path) -> str:
    """The secret kept in `path`, made on first use; two processes that start together agree on one."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(60), encoding="ascii")
            link_once(draft, path)
        except OSError as error:
            raise ImproperlyConfigured(
                f"cannot write {path} ({error.strerror}); set SECRET_KEY, or BOT_HOME to a folder we may write."
            ) from None
    secret = path.read_text(encoding="ascii").strip()
    if not secret:
        raise ImproperlyConfigured(f"{path} is empty; delete it and start again, or set SECRET_KEY.")
    return secret


def link_once(draft: Path, path: Path) -> None:
    """Give `draft` its final name unless another process was first."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def token_life(name: str, default: int) -> timedelta:
    """How long an API token is good, in days."""
    return timedelta(days=integer(name, default, least=1, most=3650))
