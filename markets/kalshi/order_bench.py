"""How long an order takes from the decision to its bytes on the socket: `python -m markets.kalshi.order_bench KEY ORDERS`.

A plain server on loopback, in a process of its own, reads the clock when the last byte of a request has arrived, and
says it in its answer. Both processes read the machine's steady clock. KEY is rsa, ed25519 or hmac; with `sync-` in front the face for commands and tasks is measured, with `httpx-` a plain httpx client instead of ours.
The way back is not in the figure, the order's encoding, signing, budget and the kernel's loopback are.
"""

import asyncio
import gc
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from markets.core.units import Count, Price
from markets.kalshi.auth import Signer, headers, hmac_signer, load_signer
from markets.kalshi.budgets import Budgets
from markets.kalshi.hosts import hosts_at
from markets.kalshi.requests import CreateOrder, encode
from markets.kalshi.rest import KalshiRest
from markets.kalshi.rest_lane import LaneRest
from markets.kalshi.rest_sync import KalshiRestSync

KEY_ID = "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1"
WARM = 200
PLENTY = 10_000_000  # tokens: a bucket is asked, and is never empty
CUT = b"\r\n\r\n"


def order(number: int) -> CreateOrder:
    """An order as the bot sends it."""
    return CreateOrder(
        ticker="KXBTC15M-26NOV221200-00",
        client_order_id=f"8c35ecb3-328f-4f52-8c7c-{number:012d}",
        is_bid=True,
        price=Price(5_600),
        count=Count(1_000),
        shard=2,
        time_in_force="immediate_or_cancel",
    )


def signer(kind: str) -> Signer:
    """A new key of this kind."""
    if kind == "hmac":
        return hmac_signer(KEY_ID, b"a secret of the usual length, 32+")
    private = Ed25519PrivateKey.generate() if kind == "ed25519" else generate_private_key(65537, 2048)
    return load_signer(KEY_ID, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def serve() -> None:
    """Answer every request with the time at which its last byte was here."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)  # noqa: T201
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while _answer(connection):
            pass


def _answer(connection: socket.socket) -> bool:
    got = bytearray()
    while CUT not in got or len(got) < _length(got):
        part = connection.recv(65_536)
        if not part:
            return False
        got += part
    at_ns = time.monotonic_ns()
    said = {
        "order_id": "3b23c1c7",
        "fill_count": "0.00",
        "remaining_count": "0.00",
        "ts_ms": 1,
        "client_order_id": str(at_ns),
    }
    body = json.dumps(said).encode()
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return True


def _length(got: bytearray) -> int:
    head, _, _ = bytes(got).partition(CUT)
    lengths = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(head) + len(CUT) + int(next(lengths, b":0").partition(b":")[2])


@contextmanager
def _server() -> Iterator[str]:
    words = [sys.executable, "-m", __spec__.name, "serve"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/trade-api/v2"
        finally:
            process.kill()


async def ours(root: str, key: Signer, orders: int) -> list[int]:
    """Nanoseconds from the call to the arrival of the last byte, one an order, through the async client."""
    budgets = Budgets()
    budgets.set_limits(PLENTY, PLENTY, PLENTY, PLENTY)
    spent = []
    async with KalshiRest(hosts_at(root, root.replace("http", "ws")), key, budgets=budgets) as rest:
        for number in range(orders):
            wanted = order(number)
            began_ns = time.monotonic_ns()
            created = await rest.create_order(wanted)
            spent.append(int(created.client_order_id) - began_ns)
    return spent


async def at_once(root: str, key: Signer, orders: int) -> list[int]:
    """The same through the lane of kept connections: the bytes leave within the call."""
    budgets = Budgets()
    budgets.set_limits(PLENTY, PLENTY, PLENTY, PLENTY)
    spent = []
    async with LaneRest(hosts_at(root, root.replace("http", "ws")), key, budgets=budgets) as rest:
        for number in range(orders):
            wanted = order(number)
            while not rest.is_ready:  # orders are further apart than a signature takes
                await asyncio.sleep(0)
            began_ns = time.monotonic_ns()
            created = await rest.begin_create(wanted)
            spent.append(int(created.client_order_id) - began_ns)
    return spent


def through_requests(root: str, key: Signer, orders: int) -> list[int]:
    """The same through the face for commands and tasks."""
    budgets = Budgets()
    budgets.set_limits(PLENTY, PLENTY, PLENTY, PLENTY)
    spent = []
    with KalshiRestSync(hosts_at(root, root.replace("http", "ws")), key, budgets=budgets) as rest:
        for number in range(orders):
            wanted = order(number)
            began_ns = time.monotonic_ns()
            spent.append(int(rest.create_order(wanted).client_order_id) - began_ns)
    return spent


async def through_httpx(root: str, key: Signer, orders: int) -> list[int]:
    """The same bytes and signatures sent with httpx, to compare with: no budgets, no retries."""
    path, spent = "/portfolio/events/orders", []
    async with httpx.AsyncClient(base_url=root, trust_env=False) as client:
        for number in range(orders):
            wanted = order(number)
            began_ns = time.monotonic_ns()
            told = {"Content-Type": "application/json"}
            told |= headers(key, "POST", f"/trade-api/v2{path}", time.time_ns() // 1_000_000)
            answer = await client.post(path, content=encode(wanted), headers=told)
            spent.append(int(answer.json()["client_order_id"]) - began_ns)
    return spent


def measure(what: str, orders: int) -> dict[str, Any]:
    """Microseconds: p50, p99 and the worst, after a warm-up."""
    client, _, kind = what.rpartition("-")
    key = signer(kind)
    with _server() as root:
        gc.collect()
        gc.freeze()
        if client == "sync":
            spent = through_requests(root, key, WARM + orders)
        elif client == "lane":
            spent = asyncio.run(at_once(root, key, WARM + orders))
        elif client == "httpx":
            spent = asyncio.run(through_httpx(root, key, WARM + orders))
        else:
            spent = asyncio.run(ours(root, key, WARM + orders))
    ranked = sorted(spent[WARM:])
    return {
        "what": what,
        "orders": orders,
        "p50_us": ranked[len(ranked) // 2] / 1e3,
        "p99_us": ranked[len(ranked) * 99 // 100] / 1e3,
        "worst_us": ranked[-1] / 1e3,
    }


def encoding(orders: int = 20_000) -> dict[str, float]:
    """Microseconds to make the bytes of an order."""
    wanted = order(1)
    best = min(_timed(wanted, orders) for _ in range(5))
    return {"encode_us": best}


def _timed(wanted: CreateOrder, times: int) -> float:
    began_ns = time.perf_counter_ns()
    for _ in range(times):
        encode(wanted)
    return (time.perf_counter_ns() - began_ns) / times / 1e3


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    elif sys.argv[1:] == ["encode"]:
        print(json.dumps(encoding()))  # noqa: T201
    else:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))  # noqa: T201
