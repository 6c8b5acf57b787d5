"""Pages over HTTP: what the books of some venues begin with."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import requests

from markets.feeds.endings import LARGEST_FRAME, status_error

Fetch = Callable[[str], Awaitable[bytes]]
TIMEOUT_S = (5.0, 10.0)  # to connect, to hear more
HERE = ("127.0.0.1", "localhost", "::1")


async def fetch_page(url: str) -> bytes:
    """GET in a thread. Raises Refused (403, 451), SlowDown (429, 418), other OSErrors with the venue's words."""
    return await asyncio.to_thread(_get, url)


def is_here(url: str) -> bool:
    """Whether an address is in this machine, where no proxy is asked."""
    return urlsplit(url).hostname in HERE


def _get(url: str) -> bytes:
    with requests.Session() as session:
        session.trust_env = not is_here(url)
        with session.get(url, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as answer:
            body = answer.raw.read(LARGEST_FRAME + 1, decode_content=True)
            if answer.status_code != requests.codes.ok:
                raise status_error(answer.status_code, answer.headers.get("Retry-After"), body, time.time_ns())
            if len(body) > LARGEST_FRAME:
                raise ConnectionError(f"the page is larger than {LARGEST_FRAME >> 20} MiB")
            return bytes(body)
