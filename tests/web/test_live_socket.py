"""The live socket: who is let in, what comes at once, how often, and what is said when something is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import redis
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from dashboard import consumers
from dashboard.hub import Hub
from dashboard.routing import websocket_urlpatterns
from kalshi_site.asgi import application as site
from tests.builders_web import KEY, Publisher, publish, snapshot

application = URLRouter(websocket_urlpatterns)  # type: ignore[arg-type]


# A consumer tidies the database connections of its thread, whether or not it used one.
pytestmark = pytest.mark.django_db


@pytest.fixture
def wire() -> Iterator[redis.Redis]:
    """The real Redis of the tests, without a snapshot."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(KEY)
    yield client
    client.delete(KEY)
    client.close()


class Browser:
    """One end of a live socket."""

    def __init__(self, user: object = None, socket: WebsocketCommunicator | None = None) -> None:
        self.socket = socket or WebsocketCommunicator(application, "/ws/live/")
        if user is not None:
            self.socket.scope["user"] = user  # type: ignore[typeddict-unknown-key]

    async def next(self, kind: str, timeout: float = 5.0) -> dict[str, Any]:
        """The next message of that kind."""
        while True:
            message = msgspec.json.decode(await self.socket.receive_from(timeout))
            if message["kind"] == kind:
                return dict(message)

    async def state(self, wanted: str, timeout: float = 8.0) -> dict[str, Any]:
        """The next message that says this state."""
        while True:
            message = await self.next("state", timeout)
            if message["state"] == wanted:
                return message


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A signed-in browser whose socket is open."""
    seat = Browser(User(username="bob"))
    is_open, _ = await seat.socket.connect(10)
    assert is_open
    yield seat
    await seat.socket.disconnect(timeout=5)


async def test_it_closes_the_socket_of_somebody_who_is_not_signed_in() -> None:
    seat = Browser(AnonymousUser())
    await seat.socket.connect(10)
    assert await seat.socket.receive_output(5) == {"type": "websocket.close", "code": 4401}


async def test_it_sends_the_last_snapshot_at_once(wire: redis.Redis) -> None:
    publish(wire, snapshot(41))
    seat = Browser(User(username="bob"))
    await seat.socket.connect(10)
    message = await seat.next("snapshot", 1.5)
    assert message["snapshot"]["seq"] == 41
    await seat.socket.disconnect(timeout=5)


async def test_it_sends_at_least_two_updates_a_second(wire: redis.Redis, browser: Browser) -> None:
    with Publisher(settings.REDIS_URL):
        await browser.next("snapshot")
        began = time.monotonic()
        seen = [(await browser.next("snapshot"))["snapshot"]["seq"] for _ in range(8)]
        took = time.monotonic() - began
    assert 8 / took >= 2.0
    assert seen == sorted(set(seen))


async def test_it_leaves_out_old_snapshots_rather_than_fall_behind(wire: redis.Redis, browser: Browser) -> None:
    await browser.state("none")
    for seq in range(1, 201):
        publish(wire, snapshot(seq))
    seen: list[int] = []
    while not seen or seen[-1] < 200:
        seen.append((await browser.next("snapshot"))["snapshot"]["seq"])
    assert len(seen) < 20


async def test_it_says_that_no_trader_is_there(wire: redis.Redis, browser: Browser) -> None:
    assert (await browser.state("none"))["sent_ms"] is None


async def test_it_says_when_the_trader_falls_silent_and_when_it_is_back(wire: redis.Redis, browser: Browser) -> None:
    publish(wire, snapshot(1))
    await browser.state("live")
    await browser.state("silent")
    publish(wire, snapshot(2))
    await browser.state("live")


async def test_it_answers_a_ping(wire: redis.Redis, browser: Browser) -> None:
    await browser.socket.send_to("ping")
    assert await browser.next("pong") == {"kind": "pong"}


async def test_it_takes_nothing_else_from_the_browser(wire: redis.Redis, browser: Browser) -> None:
    await browser.state("none")
    await browser.socket.send_to('{"mode":"ACTIVE"}')
    assert await browser.socket.receive_output(5) == {"type": "websocket.close", "code": 4400}


async def test_it_ignores_bytes_that_are_no_snapshot(wire: redis.Redis, browser: Browser) -> None:
    await browser.state("none")
    wire.publish("bot:live", b"not json")
    publish(wire, snapshot(7))
    assert (await browser.next("snapshot"))["snapshot"]["seq"] == 7


async def test_the_hub_says_stale_when_redis_goes_away_and_comes_back_by_itself(wire: redis.Redis) -> None:
    publish(wire, snapshot(1))
    hub, wake = Hub(settings.REDIS_URL), asyncio.Event()
    hub.join(wake)
    await until(hub, "live")
    wire.client_kill_filter(_type="pubsub")
    await until(hub, "stale")
    publish(wire, snapshot(2))
    await until(hub, "live")
    assert b'"seq":2' in (hub.latest or b"")
    await hub.leave(wake)


async def test_the_hub_says_stale_while_there_is_no_redis_at_all() -> None:
    hub, wake = Hub("unix:///nonexistent/redis.sock"), asyncio.Event()
    hub.join(wake)
    await until(hub, "stale")
    await hub.leave(wake)


async def test_many_browsers_share_one_subscription(wire: redis.Redis, browser: Browser) -> None:
    others = [Browser(User(username=f"u{number}")) for number in range(3)]
    for seat in others:
        await seat.socket.connect(10)
    await browser.state("none")
    assert wire.pubsub_numsub("bot:live") == [(b"bot:live", 1)]
    for seat in others:
        await seat.socket.disconnect(timeout=5)


async def until(hub: Hub, state: str) -> None:
    """Returns when the hub is in that state; fails after five seconds."""
    for _ in range(500):
        if hub.state(time.time()) == state:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the hub is {hub.state(time.time())}, not {state}")


@pytest.mark.django_db(transaction=True)
async def test_a_log_out_closes_the_sockets_of_that_session(wire: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "CHECK_USER_S", 0.1)
    client = Client()
    user = await User.objects.acreate(username="bob")
    await client.aforce_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"cookie", cookie.encode()), (b"host", b"localhost"), (b"origin", b"http://localhost")]
    seat = Browser(socket=WebsocketCommunicator(site, "/ws/live/", headers=headers))
    await seat.socket.connect(10)
    await seat.state("none")
    await client.alogout()
    assert await seat.socket.receive_output(5) == {"type": "websocket.close", "code": 4401}
    await seat.socket.disconnect(timeout=5)


async def test_a_page_of_another_site_cannot_open_the_socket() -> None:
    socket = WebsocketCommunicator(
        site, "/ws/live/", headers=[(b"host", b"localhost"), (b"origin", b"https://evil.example")]
    )
    assert (await socket.connect(10))[0] is False


async def test_a_socket_that_fails_inside_is_closed_rather_than_left_open(
    wire: redis.Redis, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.state("none")
    monkeypatch.setattr(Hub, "state", lambda *_: 1 / 0)
    publish(wire, snapshot(1))
    assert await browser.socket.receive_output(5) == {"type": "websocket.close", "code": 1011}
