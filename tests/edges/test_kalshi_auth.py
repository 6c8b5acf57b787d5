"""Signing, keys as people have them, and that a key is never shown."""

import base64
import copy
import gc
import io
import json
import logging
import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from markets.kalshi.auth import KeyProblem, Signer, headers, hmac_signer, load_signer
from markets.kalshi.keys import VARIABLES, private_bytes, signer_from
from markets.kalshi.signing_bench import measure

KEY_ID = "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1"
SEED = bytes(range(32))
SECRET = b"a-gateway-secret-of-some-length"
NOW_MS = 1_703_123_456_789
VECTORS = [
    ("GET", "/trade-api/v2/portfolio/balance",
     "hkBtGNHKCfMll7XdniCzUygg/ek7JdCINuVOaGq0bDS3feQIdYVMirJSybX93bQtj8CMmr3q0RiAToeTeMOwBg=="),
    ("POST", "/trade-api/v2/portfolio/events/orders",
     "/ro4N0xtMcM9TBedlEcPA5AL1SsWyOiIo3UPU4/aeQ/H6c6rvS4ymxWhdFIT2dLRprk+g8Dju8XU1AY4/NDkDg=="),
    ("GET", "/trade-api/ws/v2",
     "GpkXLSIK8avqVF1CPnKos7fulth1qYoYZjI5qzovCmuzcKV0/qCnl8R5kVmiu2d6dLYPcYVo2r2OgcCWv1uwAw=="),
]  # fmt: skip


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


@cache
def pem_of(what: str) -> bytes:
    """A key in one of its forms."""
    ed = Ed25519PrivateKey.from_private_bytes(SEED)
    pkcs1, pkcs8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8
    plain, locked = NoEncryption(), BestAvailableEncryption(b"passphrase")
    makers: dict[str, Callable[[], bytes]] = {
        "ed25519": lambda: ed.private_bytes(Encoding.PEM, pkcs8, plain),
        "rsa pkcs1": lambda: rsa_key().private_bytes(Encoding.PEM, pkcs1, plain),
        "rsa pkcs8": lambda: rsa_key().private_bytes(Encoding.PEM, pkcs8, plain),
        "rsa 1024": lambda: rsa_key(1024).private_bytes(Encoding.PEM, pkcs8, plain),
        "encrypted pkcs8": lambda: ed.private_bytes(Encoding.PEM, pkcs8, locked),
        "encrypted pkcs1": lambda: rsa_key().private_bytes(Encoding.PEM, pkcs1, locked),
        "der": lambda: ed.private_bytes(Encoding.DER, pkcs8, plain),
        "encrypted der": lambda: ed.private_bytes(Encoding.DER, pkcs8, locked),
        "openssh": lambda: ed.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, plain),
        "public": lambda: ed.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "public ssh": lambda: ed.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, pkcs8, plain),
        "ec pkcs1": lambda: ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, pkcs1, plain),
        "ed448": lambda: ed448.Ed448PrivateKey.generate().private_bytes(Encoding.PEM, pkcs8, plain),
        "dsa": lambda: dsa.generate_private_key(2048).private_bytes(Encoding.PEM, pkcs8, plain),
    }
    return makers[what]()


# Signing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "signature"), VECTORS)
def test_the_reference_s_ed25519_signatures(method: str, path: str, signature: str) -> None:
    signer = load_signer(KEY_ID, pem_of("ed25519"))
    assert signer.kind == "ed25519"
    assert headers(signer, method.lower(), f"{path}?limit=5&cursor=a?b", NOW_MS) == {
        "KALSHI-ACCESS-KEY": KEY_ID,
        "KALSHI-ACCESS-TIMESTAMP": str(NOW_MS),
        "KALSHI-ACCESS-SIGNATURE": signature,
    }


@pytest.mark.parametrize("form", ["rsa pkcs1", "rsa pkcs8"])
def test_rsa_signatures_are_pss_with_a_salt_of_32_bytes(form: str) -> None:
    signer = load_signer(KEY_ID, pem_of(form), "rsa")
    assert signer.kind == "rsa"
    signature = base64.b64decode(headers(signer, "GET", "/trade-api/ws/v2", NOW_MS)["KALSHI-ACCESS-SIGNATURE"])
    text, public = f"{NOW_MS}GET/trade-api/ws/v2".encode(), rsa_key().public_key()
    public.verify(signature, text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, text, padding.PSS(padding.MGF1(hashes.SHA256()), 222), hashes.SHA256())


def test_hmac_sha256_by_the_vector_of_rfc_4231() -> None:
    signer = hmac_signer("gateway", b"Jefe")
    assert signer.kind == "hmac"
    expected = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    for _ in range(2):  # a signature leaves nothing behind
        assert base64.b64decode(signer.sign(b"what do ya want for nothing?")) == expected


def test_a_path_without_its_root_is_refused() -> None:
    with pytest.raises(ValueError, match="root of the host"):
        headers(load_signer(KEY_ID, pem_of("ed25519")), "GET", "portfolio/balance", NOW_MS)


# Keys as people have them ----------------------------------------------------------------------------------------


def _mangled(pem: bytes) -> Iterator[bytes]:
    text = pem.decode()
    lines_of = text.strip().splitlines()
    yield text.replace("\n", "\r\n").encode()
    yield text.replace("\n", "\r").encode()
    yield b"\xef\xbb\xbf" + pem
    yield text.encode("utf-16")
    yield text.replace("\n", "\\n").encode()
    yield text.replace("\n", "\\r\\n").encode()
    yield " ".join(lines_of).encode()
    yield "\n".join(f"    {line}  " for line in lines_of).encode()
    yield b"\n\n  " + pem.rstrip() + b"\n\n\t\n"
    yield b'"' + text.strip().replace("\n", "\\n").encode() + b'"'
    yield b"Bag Attributes\n    friendlyName: key\n" + pem + pem_of("public")


@pytest.mark.parametrize("form", ["ed25519", "rsa pkcs1", "rsa pkcs8"])
def test_what_happened_to_white_space_does_not_matter(form: str) -> None:
    for pem in _mangled(pem_of(form)):
        assert load_signer(KEY_ID, pem).kind == form.partition(" ")[0], pem[:20]


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (pem_of("encrypted pkcs8"), "openssl pkey"),
        (pem_of("encrypted pkcs1"), "openssl pkey"),
        (pem_of("rsa 1024"), "1024 bits"),
        (pem_of("der"), "-inform DER"),
        (pem_of("encrypted der"), "-inform DER"),
        (pem_of("openssh"), "OpenSSH"),
        (pem_of("public"), "public half"),
        (pem_of("public ssh"), "public SSH key"),
        (pem_of("ec"), "type E"),
        (pem_of("ec pkcs1"), "type EC"),
        (pem_of("ed448"), "type Ed448"),
        (pem_of("dsa"), "type DSA"),
        (b"", "is empty"),
        (b" \r\n\0", "is empty"),
        (b"no key at all", "no line -----BEGIN"),
        (bytes(range(256)), "no line -----BEGIN"),
        (pem_of("ed25519").replace(b"-----END", b"-----"), "cut off"),
        (pem_of("ed25519") + pem_of("rsa pkcs8"), "two private keys"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "certificate"),
        (b"-----BEGIN AGE FILE-----\nAAAA\n-----END AGE FILE-----", "an AGE FILE"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "damaged"),
        (b"-----BEGIN PRIVATE KEY-----\nA*A\n-----END PRIVATE KEY-----", "damaged"),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "key",
)
def test_a_key_that_is_none_says_what_to_do(pem: bytes, says: str) -> None:
    with pytest.raises(KeyProblem, match=says) as caught:
        load_signer(KEY_ID, pem)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_bytes_break_the_reading_of_a_key(junk: bytes, at: int) -> None:
    pem = pem_of("ed25519")
    for text in (junk, pem[:at] + junk + pem[at:]):
        try:
            signer = load_signer(KEY_ID, text)
        except KeyProblem as problem:
            said = str(problem)
        else:
            said = signer.kind
        assert hidden(said)


@pytest.mark.parametrize(("form", "kind"), [("ed25519", "rsa"), ("rsa pkcs1", "ed25519")])
def test_a_key_of_another_kind_than_wanted_is_refused(form: str, kind: str) -> None:
    with pytest.raises(KeyProblem, match="KALSHI_SIGNING=auto"):
        load_signer(KEY_ID, pem_of(form), kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("key_id", ["", " ", "a b", "a\nX-Header: b", "ключ", "-----BEGIN PRIVATE KEY-----", "x" * 257])
def test_a_key_id_that_cannot_be_one_is_refused(key_id: str) -> None:
    makers: list[Callable[[], Signer]] = [
        lambda: load_signer(key_id, pem_of("ed25519")),
        lambda: hmac_signer(key_id, SECRET),
    ]
    for make in makers:
        with pytest.raises(KeyProblem, match="KALSHI_KEY_ID"):
            make()


# From the environment ----------------------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "my key's.pem"
    path.write_bytes(pem_of("ed25519").replace(b"\n", b"\r\n"))
    path.chmod(0o600)
    return path


def test_nothing_set_is_no_signer() -> None:
    assert signer_from({}) is None
    assert signer_from(dict.fromkeys(VARIABLES, " ") | {"KALSHI_SIGNING": "auto", "HOME": "/"}) is None


def test_a_key_in_a_file(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(key_file.parent))
    monkeypatch.chdir(key_file.parent)
    for path in (str(key_file), f"~/{key_file.name}", key_file.name, f" {key_file}\n", f'"~/{key_file.name}"'):
        signer = signer_from({"KALSHI_KEY_ID": f" {KEY_ID}\r\n", "KALSHI_PRIVATE_KEY_FILE": path})
        assert signer is not None
        assert (signer.key_id, signer.sign(b"1703123456789GET/trade-api/ws/v2")) == (KEY_ID, VECTORS[2][2])


def test_a_key_in_the_environment() -> None:
    for signing in ("", "auto", "ED25519"):
        text = pem_of("ed25519").decode().replace("\n", "\\n")
        signer = signer_from({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": text, "KALSHI_SIGNING": signing})
        assert signer is not None
        assert signer.kind == "ed25519"


def test_a_gateway_s_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    path.chmod(0o400)
    expected = hmac_signer(KEY_ID, SECRET).sign(b"text")
    for given_as in ({"KALSHI_HMAC_SECRET": SECRET.decode()}, {"KALSHI_HMAC_SECRET_FILE": str(path)}):
        signer = signer_from({"KALSHI_KEY_ID": KEY_ID, "KALSHI_SIGNING": "hmac", **given_as})
        assert signer is not None
        assert (signer.kind, signer.sign(b"text")) == ("hmac", expected)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(KeyProblem) as caught:
        signer_from({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": str(key_file)})
    said = str(caught.value)
    assert said.startswith("KALSHI_PRIVATE_KEY_FILE: ")
    assert f"mode {mode:04o}" in said
    command = said[said.index("`") + 1 : said.rindex("`")]
    assert os.system(command) == 0  # it can be run as it stands, whatever letters are in the path
    assert signer_from({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": str(key_file)}) is not None


PEM = pem_of("ed25519").decode()
HALF_SET = [
    ({"KALSHI_KEY_ID": KEY_ID}, "set KALSHI_PRIVATE_KEY_FILE"),
    ({"KALSHI_PRIVATE_KEY": PEM}, "KALSHI_KEY_ID is not"),
    ({"KALSHI_PRIVATE_KEY_FILE": "/nowhere"}, "KALSHI_KEY_ID is not"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": PEM, "KALSHI_PRIVATE_KEY_FILE": "/nowhere"}, "both set"),
    (
        {"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": PEM, "KALSHI_HMAC_SECRET": SECRET.decode()},
        "KALSHI_SIGNING=hmac",
    ),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_HMAC_SECRET": SECRET.decode()}, "KALSHI_SIGNING=hmac"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": PEM, "KALSHI_SIGNING": "hmac"}, "set KALSHI_HMAC_SECRET_FILE"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": PEM, "KALSHI_SIGNING": "rsa"}, "is an Ed25519 key"),
    (
        {"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": PEM, "KALSHI_SIGNING": "pss"},
        "use one of auto, rsa, ed25519, hmac",
    ),
    ({"KALSHI_SIGNING": "ed25519"}, "without a key"),
    ({"KALSHI_KEY_ID": PEM, "KALSHI_PRIVATE_KEY": KEY_ID}, "the id is the short text"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": PEM, "KALSHI_SIGNING": PEM}, "use one of"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": PEM}, "put the key into a file"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": "".join(PEM.split("\n")[1:-2])}, "there is no file"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": "/nowhere/key.pem"}, "no file /nowhere/key.pem"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": "~nobody-of-this-name/key.pem"}, "cannot be read"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": "/tmp\0"}, "cannot be read"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": "/tmp"}, "is no file|cannot be read"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": "/dev/null"}, "is no file"),
    ({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": "\udcff" + PEM[:90]}, "cut off|no line"),
]


@pytest.mark.parametrize(("environ", "says"), HALF_SET)
def test_half_a_key_says_what_is_missing(environ: dict[str, str], says: str) -> None:
    with pytest.raises(KeyProblem, match=says):
        signer_from(environ)


def test_files_that_are_no_key_files(tmp_path: Path) -> None:
    def problem(path: Path) -> str:
        with pytest.raises(KeyProblem) as caught:
            private_bytes(str(path), "KALSHI_PRIVATE_KEY_FILE")
        return str(caught.value)

    pipe, empty, large = tmp_path / "pipe", tmp_path / "empty", tmp_path / "large"
    os.mkfifo(pipe, 0o600)
    empty.touch(0o600)
    large.touch(0o600)
    large.write_bytes(b"x" * 70_000)
    assert "is no file" in problem(pipe)  # and is not waited for
    assert "is empty" in problem(empty)
    assert "larger than any key" in problem(large)


# A key is never shown --------------------------------------------------------------------------------------------


def _needles() -> Iterator[str]:
    for form in ("ed25519", "rsa pkcs1", "rsa pkcs8", "encrypted pkcs8", "openssh"):
        for line in pem_of(form).decode().splitlines():
            if not line.startswith("-----"):
                yield from (line[at : at + 12] for at in range(0, max(1, len(line) - 11), 4))
    yield SEED.hex()
    yield repr(SEED)[2:40]
    yield SECRET.decode()[:12]
    yield base64.b64encode(SECRET).decode()[:12]
    yield str(rsa_key().private_numbers().d)[:20]


NEEDLES = sorted(
    {needle for needle in _needles() if len(needle) >= 8} - {"MC4CAQAwBQYD", "AQAwBQYDK2Vw", "BQYDK2VwBCIE"}
)


def hidden(text: str) -> bool:
    """Whether nothing of any of the keys is in it."""
    return not any(needle in text for needle in NEEDLES)


def everything_of(error: BaseException) -> str:
    """All that a report can show: words, arguments, causes, and each frame below the test's own with its values."""
    below = error.__traceback__.tb_next if error.__traceback__ else None
    report = traceback.TracebackException(type(error), error, below, capture_locals=True)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("test.keys")
    logger.addHandler(handler)
    try:
        logger.error("a key: %s %r", error, error, exc_info=(type(error), error, below), stack_info=True)
    finally:
        logger.removeHandler(handler)
    before = [repr(error.__cause__), repr(error.__context__), repr(error.args), repr(vars(error))]
    return "".join([*report.format(chain=True), stream.getvalue(), *before])


def signers() -> list[Signer]:
    return [
        load_signer(KEY_ID, pem_of("ed25519")),
        load_signer(KEY_ID, pem_of("rsa pkcs1")),
        hmac_signer(KEY_ID, SECRET),
    ]


@pytest.mark.parametrize("signer", signers(), ids=lambda signer: signer.kind)
def test_a_signer_shows_nothing(signer: Signer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signer.sign(b"text")
    logging.getLogger("test").info("%s %r", signer, signer)
    words = [repr(signer), str(signer), f"{signer}", caplog.text, repr([getattr(signer, name) for name in dir(signer)])]
    assert hidden("".join(words))
    assert signer.kind in repr(signer)
    assert KEY_ID not in repr(signer)
    assert not hasattr(signer, "__dict__")
    for take in (pickle.dumps, copy.copy, copy.deepcopy, lambda it: pickle.dumps({"in": [it]}, 5)):
        with pytest.raises(TypeError, match="cannot be stored"):
            take(signer)


def test_nothing_that_a_signer_leads_to_is_the_key_in_clear() -> None:
    for signer in signers():
        seen: dict[int, object] = {id(signer): signer}
        wave: list[object] = [signer]
        for _ in range(3):
            wave = [found for found in gc.get_referents(*wave) if id(found) not in seen and not isinstance(found, type)]
            seen |= {id(found): found for found in wave}
        texts = [found for found in seen.values() if isinstance(found, bytes | str | int)]
        assert hidden("\n".join(map(repr, texts)))
        assert SECRET not in texts
        assert SEED not in texts


def _broken() -> Iterator[dict[str, str]]:
    yield from (environ for environ, _ in HALF_SET)
    for form in ("encrypted pkcs8", "openssh"):
        yield {"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": pem_of(form).decode()}
    for text in (PEM[:-30], PEM.replace("-----BEGIN", "BEGIN"), PEM + pem_of("rsa pkcs1").decode()):
        yield {"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY": text}
    yield {"KALSHI_KEY_ID": "a b", "KALSHI_SIGNING": "hmac", "KALSHI_HMAC_SECRET": SECRET.decode()}


@pytest.mark.parametrize("environ", list(_broken()))
def test_no_report_of_a_problem_shows_a_key(environ: dict[str, str]) -> None:
    with pytest.raises(KeyProblem) as caught:
        signer_from(environ)
    report = everything_of(caught.value)
    assert "signer_from" in report  # the frames are there
    assert hidden(report)
    assert str(caught.value) in report


def test_no_report_shows_the_key_of_a_file(key_file: Path) -> None:
    whole = key_file.read_bytes()
    for content in (whole[:-30], pem_of("encrypted pkcs8"), pem_of("rsa pkcs1") + whole, whole * 600, b""):
        key_file.write_bytes(content)
        with pytest.raises(KeyProblem, match="KALSHI_PRIVATE_KEY_FILE") as caught:
            signer_from({"KALSHI_KEY_ID": KEY_ID, "KALSHI_PRIVATE_KEY_FILE": str(key_file)})
        assert hidden(everything_of(caught.value))


def test_direct_loading_reports_no_key_either() -> None:
    makers: list[Callable[[], Signer]] = [
        lambda: load_signer(KEY_ID, pem_of("ed25519"), "rsa"),
        lambda: load_signer(KEY_ID, pem_of("rsa 1024")),
        lambda: load_signer("a b", pem_of("ed25519")),
        lambda: hmac_signer("a b", SECRET),
    ]
    for make in makers:
        with pytest.raises(KeyProblem) as caught:
            make()
        assert hidden(everything_of(caught.value))


def test_a_fault_while_signing_shows_no_key() -> None:
    for signer in signers():
        with pytest.raises(TypeError) as caught:
            signer.sign("text")  # type: ignore[arg-type]
        assert hidden(everything_of(caught.value))


# The measurement ---------------------------------------------------------------------------------------------------


def test_signing_is_measured_for_each_kind_of_key() -> None:
    costs = measure(times=3)
    assert [cost.key.partition(" ")[0] for cost in costs] == ["Ed25519", "RSA-2048", "HMAC-SHA256"]
    assert all(0 < cost.least_us <= cost.median_us and cost.times == 3 for cost in costs)


# What the docs say -------------------------------------------------------------------------------------------------


class KeyMaker(BaseHTTPRequestHandler):
    """Answers as the exchange does when it is asked for a new key."""

    asked: list[tuple[str, str, dict[str, object]]] = []

    def do_POST(self) -> None:  # the library's name
        text = self.headers["KALSHI-ACCESS-TIMESTAMP"] + "POST" + self.path
        signature = base64.b64decode(self.headers["KALSHI-ACCESS-SIGNATURE"])
        Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(signature, text.encode())
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["KALSHI-ACCESS-KEY"], body))
        answer = json.dumps({"api_key_id": "new-key", "key_type": "ed25519", "private_key": PEM}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Quiet."""


def test_the_program_in_the_docs_makes_a_key(
    key_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "kalshi-keys.md").read_text(encoding="utf-8")
    program = text.partition("```python\n")[2].partition("```")[0]
    home = key_file.parent
    (home / ".kalshi").mkdir()
    with HTTPServer(("127.0.0.1", 0), KeyMaker) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        for name, value in {
            "HOME": str(home),
            "KALSHI_KEY_ID": KEY_ID,
            "KALSHI_PRIVATE_KEY_FILE": str(key_file),
            "KALSHI_REST_URL": f"http://127.0.0.1:{server.server_port}",
        }.items():
            monkeypatch.setenv(name, value)
        exec(compile(program, "docs/kalshi-keys.md", "exec"), {})
    ((path, key_id, body),) = KeyMaker.asked
    assert (path, key_id, body["key_type"]) == ("/trade-api/v2/api_keys/generate", KEY_ID, "ed25519")
    assert capsys.readouterr().out == "KALSHI_KEY_ID=new-key\n"
    made = signer_from({"KALSHI_KEY_ID": "new-key", "KALSHI_PRIVATE_KEY_FILE": "~/.kalshi/ed25519.pem"})
    assert made is not None


def test_the_docs_name_every_variable() -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "kalshi-keys.md").read_text(encoding="utf-8")
    assert all(name in text for name in VARIABLES)
