"""The typed readers: what they take, and the sentence for what they do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from kalshi_site import embedded_redis, environment

Set = Callable[[str], None]


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets the variable WORD."""
    return lambda value: monkeypatch.setenv("WORD", value)


@pytest.mark.parametrize(("value", "expected"), [("max", 0.0), ("MAX", 0.0), ("2.5", 2.5), ("", 7.0), ("  ", 7.0)])
def test_a_speed_is_a_number_or_max(put: Set, value: str, expected: float) -> None:
    put(value)
    assert environment.speed("WORD", 7.0) == expected


@pytest.mark.parametrize("value", ["0", "-1", "fast", "nan", "inf", "1e9"])
def test_what_is_no_speed_is_refused_by_name(put: Set, value: str) -> None:
    put(value)
    with pytest.raises(ImproperlyConfigured, match=f"WORD={value} is not a speed; set it to"):
        environment.speed("WORD", 7.0)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("off", False), ("Yes", True), ("", True)])
def test_a_flag_is_yes_or_no(put: Set, value: str, expected: bool) -> None:
    put(value)
    assert environment.flag("WORD", True) is expected


def test_a_flag_that_is_neither_is_refused(put: Set) -> None:
    put("perhaps")
    with pytest.raises(ImproperlyConfigured, match="neither yes nor no"):
        environment.flag("WORD", True)


@pytest.mark.parametrize("value", ["0", "65536", "8000.5", "http"])
def test_a_whole_number_is_held_to_its_range(put: Set, value: str) -> None:
    put(value)
    with pytest.raises(ImproperlyConfigured, match=f"WORD={value}"):
        environment.integer("WORD", 8000, least=1, most=65535)


def test_a_choice_lists_what_it_could_be(put: Set) -> None:
    put("live")
    with pytest.raises(ImproperlyConfigured, match="one of: demo, tape"):
        environment.choice("WORD", "demo", among=("demo", "tape"))


def test_the_environment_wins_over_the_file(put: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("from outside")
    monkeypatch.setenv("OTHER_WORD", "")
    monkeypatch.delenv("OTHER_WORD")
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nWORD=from the file\nOTHER_WORD='quoted'   # why\nEMPTY_WORD=   # nothing\n")
    monkeypatch.setenv("EMPTY_WORD", "")
    environment.load_file(file)
    assert environment.text("WORD", "") == "from outside"
    assert environment.text("OTHER_WORD", "") == "quoted"


def test_a_line_that_is_no_assignment_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A_WORD=1\nPORT 8000\n")
    with pytest.raises(ImproperlyConfigured, match="line 2 of"):
        environment.load_file(file)


def test_the_example_file_can_be_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(__file__).resolve().parent.parent.parent / ".env.example"
    names = [line.partition("=")[0] for line in example.read_text().splitlines() if "=" in line and line[0] != "#"]
    for name in names:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    environment.load_file(example)
    assert environment.choice("MARKET", "tape", among=("demo", "tape")) == "demo"
    assert environment.speed("SPEED", 10.0) == 10.0
    assert environment.folder("BOT_HOME", Path("/somewhere")) == Path("/somewhere")


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    secret = environment.secret_from_file(path)
    assert environment.secret_from_file(path) == secret
    assert len(secret) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret_key"]


def test_of_two_secrets_made_at_once_the_first_stays(tmp_path: Path) -> None:
    path, draft = tmp_path / "secret_key", tmp_path / "draft"
    path.write_text("first")
    draft.write_text("second")
    environment.link_once(draft, path)
    assert path.read_text() == "first"
    assert not draft.exists()


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="is empty; delete it"):
        environment.secret_from_file(tmp_path / "secret_key")


def test_a_home_too_deep_for_a_socket_gets_one_elsewhere_and_always_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    path = embedded_redis.socket_path(deep)
    assert len(str(path)) <= embedded_redis.LONGEST_SOCKET_PATH
    assert path == embedded_redis.socket_path(deep) != embedded_redis.socket_path(tmp_path / ("y" * 120))


def test_a_redis_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    assert not embedded_redis.answers(tmp_path / "redis.sock")


def test_without_the_wheel_a_server_on_the_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    monkeypatch.setattr(embedded_redis, "bundled", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded_redis.binary() == str(server)


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded_redis, "bundled", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="install valkey or redis, or set REDIS_URL"):
        embedded_redis.binary()
