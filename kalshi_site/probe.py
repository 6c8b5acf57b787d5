"""Reads /healthz of our own web server."""

import asyncio
import json
from collections.abc import Sequence

SECONDS = 4.0


async def ask(port: int, host: str) -> dict[str, str] | None:
    """A word for each part; None when the web server does not answer in time or answers something else."""
    try:
        async with asyncio.timeout(SECONDS):
            return words(await get(port, host))
    except (OSError, TimeoutError, ValueError):
        return None


async def ask_since(port: int, host: str, heartbeat: str) -> dict[str, str] | None:
    """The same, but a trader whose last heartbeat is that of its life before is only starting."""
    health = await ask(port, host)
    if health and heartbeat and health.get("heartbeat") == heartbeat and health.get("trader") == "ok":
        return health | {"trader": "starting", "status": "degraded"}
    return health


async def get(port: int, host: str) -> bytes:
    """The body of one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.read(65_536 * 4)
        while not reader.at_eof():
            answer += await reader.read(65_536)
    finally:
        writer.close()
    return answer.partition(b"\r\n\r\n")[2]


def words(body: bytes) -> dict[str, str]:
    """Raises ValueError when it is not our answer."""
    said = json.loads(body)
    if not isinstance(said, dict) or "status" not in said:
        raise ValueError("not the answer of /healthz")
    return {str(name): str(word) for name, word in said.items()}


def host_for(allowed: Sequence[str]) -> str:
    """A Host header our own server accepts."""
    first = allowed[0] if allowed else "127.0.0.1"
    return "127.0.0.1" if first == "*" else first.lstrip(".")
