"""The key from the environment: KALSHI_KEY_ID with a private key (file or text), or with a gateway's shared secret.

Problems are returned as sentences, and raised only where no key is in hand any more: a report of the exception, with
the values of every frame of ours, has no byte of it.
"""

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from markets.kalshi.auth import KeyProblem, Kind, Signer, hmac_signer, key_id_problem, load_signer

KEY_ID = "KALSHI_KEY_ID"
KEY_FILE, KEY_TEXT = "KALSHI_PRIVATE_KEY_FILE", "KALSHI_PRIVATE_KEY"
SECRET_FILE, SECRET_TEXT = "KALSHI_HMAC_SECRET_FILE", "KALSHI_HMAC_SECRET"
SIGNING = "KALSHI_SIGNING"
VARIABLES = (KEY_ID, KEY_FILE, KEY_TEXT, SIGNING, SECRET_FILE, SECRET_TEXT)
WAYS = ("auto", *get_args(Kind))
MOST_BYTES = 64 * 1024


def signer_from(environ: Mapping[str, str]) -> Signer | None:
    """The signer that these variables describe; None when none of them is set. A blank variable is not set.

    KALSHI_KEY_ID, and KALSHI_PRIVATE_KEY_FILE (a path, ~ is the home) or KALSHI_PRIVATE_KEY (the PEM, line ends also as
    backslash and n); KALSHI_SIGNING is auto, rsa, ed25519 or hmac; for hmac KALSHI_HMAC_SECRET_FILE or KALSHI_HMAC_SECRET.
    Raises KeyProblem.
    """
    made = _signer_or_problem(environ)
    del environ  # it may hold the key itself
    if isinstance(made, str):
        raise KeyProblem(made)
    return made


def is_set(environ: Mapping[str, str]) -> bool:
    """Whether somebody began to give a key."""
    return any(environ.get(name, "").strip() for name in VARIABLES if name != SIGNING)


def private_bytes(path_text: str, variable: str) -> bytes:
    """What is in a file that only we may read. `variable` named it. Raises KeyProblem, which never shows what it read."""
    read = _read(path_text, variable)
    if isinstance(read, str):
        raise KeyProblem(read)
    return read


def _signer_or_problem(environ: Mapping[str, str]) -> Signer | str | None:
    given = {name: environ.get(name, "").strip() for name in VARIABLES}
    way = given[SIGNING].lower() or "auto"
    if way not in WAYS:
        return f"{SIGNING} is {_safe(given[SIGNING])}: use one of {', '.join(WAYS)}"
    if not is_set(environ):
        return None if way == "auto" else f"{SIGNING}={way} is set without a key: set {KEY_ID} too, or unset it"
    problem = _half_set(given, way)
    if problem:
        return problem
    file_name, text_name = (SECRET_FILE, SECRET_TEXT) if way == "hmac" else (KEY_FILE, KEY_TEXT)
    path, text = given[file_name], given[text_name]
    secret = _read(path, file_name) if path else text.encode("utf-8", "surrogateescape")
    if isinstance(secret, str):
        return secret
    where = f"{file_name}={_shown_path(path)}" if path else text_name
    try:
        if way == "hmac":
            return hmac_signer(given[KEY_ID], secret.strip())
        return load_signer(given[KEY_ID], secret, "auto" if way == "auto" else "rsa" if way == "rsa" else "ed25519")
    except KeyProblem as error:
        return f"{where}: {error}"


def _half_set(given: Mapping[str, str], way: str) -> str:
    """What is missing, or is there twice."""
    keys = [name for name in (KEY_FILE, KEY_TEXT) if given[name]]
    secrets = [name for name in (SECRET_FILE, SECRET_TEXT) if given[name]]
    if way == "auto" and secrets:
        rest = "unset the secret" if keys else f"the exchange itself wants a private key ({KEY_FILE})"
        return f"{secrets[0]} is set: for a gateway that wants HMAC set {SIGNING}=hmac as well; otherwise {rest}"
    wanted, names = (secrets, (SECRET_FILE, SECRET_TEXT)) if way == "hmac" else (keys, (KEY_FILE, KEY_TEXT))
    if len(wanted) > 1:
        return f"{names[0]} and {names[1]} are both set: keep one, best the file"
    if not wanted:
        also = f" for {SIGNING}=hmac" if way == "hmac" else ""
        return (
            f"there is no key to sign with{also}: set {names[0]} to the path of the file that holds it (or {names[1]})"
        )
    if not given[KEY_ID]:
        return f"{wanted[0]} is set but {KEY_ID} is not: set it to the id that the exchange shows beside the key"
    return key_id_problem(given[KEY_ID])


def _read(path_text: str, variable: str) -> bytes | str:
    """The bytes, or why not."""
    if "-----" in path_text:
        return f"{variable} holds a key, not a path: put the key into a file, or into {variable.removesuffix('_FILE')}"
    text = path_text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    name = _shown_path(text)
    try:
        path = Path(text).expanduser().absolute()
        if name == text:
            name = str(path)
        with open(path, "rb", opener=_no_waiting) as file:
            problem = _not_private(os.fstat(file.fileno()), path)
            read = b"" if problem else file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return f"{variable}: there is no file {name}"
    except PermissionError:
        return f"{variable}: this program may not read {name}: run it as the file's owner"
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path of this machine"
        return f"{variable}: {name} cannot be read: {reason}"
    if problem:
        return f"{variable}: {problem}"
    if len(read) > MOST_BYTES:
        return f"{variable}: {name} is larger than any key: name the file that holds the key alone"
    return read if read.strip() else f"{variable}: {name} is empty: save the key into it again"


def _no_waiting(path: str, flags: int) -> int:
    return os.open(
        path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    )  # a pipe would wait for ever


def _not_private(found: os.stat_result, name: Path) -> str:
    """Why what is in this file is no secret, or ""."""
    if not stat.S_ISREG(found.st_mode):
        return f"{name} is no file: name the file that holds the key"
    if os.name != "posix":
        return ""  # rights are kept otherwise there
    if found.st_uid not in (os.getuid(), 0):
        return f"{name} belongs to another user, who can change it: chown it to the user this program runs as"
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        return (
            f"{name} can be read or changed by other users (mode {mode:04o}): run `chmod 600 {shlex.quote(str(name))}`"
        )
    return ""


def _safe(text: str) -> str:
    """What was written in place of a word, unless it may be a key."""
    return repr(text) if len(text) <= 16 and text.isascii() and text.isalnum() else "something else"


def _shown_path(path: str) -> str:
    """A path, unless it may be a key by mistake: one long word, or what cannot be printed."""
    is_path = path.startswith(("/", "~", ".")) or "." in path
    return (
        path
        if is_path and len(path) <= 300 and path.isprintable()
        else "of that name (which may be a key, so it is not shown)"
    )
