"""Environment: where the cases are tried: addresses, keys, the exchange's time, and what is not to be had there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.auth import Signer
from markets.kalshi.hosts import Hosts
from trading.acceptance.case import Need


class Faults(Protocol):
    """A door where things can be made to go wrong."""

    async def arm(self, kind: str, **terms: object) -> int:
        """Something goes wrong from now on; its number."""

    async def clear(self) -> None:
        """Nothing goes wrong any more."""


@dataclass
class Environment:
    """`now_ns` is the exchange's own time, which in a simulation is not that of the wall; `until` waits for it.

    While somebody waits it may run `haste` times as fast as the wall's.
    `size` (Count) is what an order may hold, `most` (Money) what may be lost and at risk in all. `lag_s` is how long what
    is read may be behind what was done, `patience_s` how long anything else may take. `signer_of` has keys of the same
    account by kind. `lacks` says why a need cannot be met.
    """

    name: str
    hosts: Hosts
    signer: Signer
    series: tuple[str, ...]
    now_ns: Callable[[], int]
    until: Callable[[int], Awaitable[None]]
    second: Signer | None = None
    signer_of: Mapping[str, Signer] = field(default_factory=dict)
    faults: Faults | None = None
    lacks: dict[Need, str] = field(default_factory=dict)
    size: int = 200
    most: int = 20 * DOLLAR
    lag_s: float = 1.5
    patience_s: float = 10.0
    haste: float = 1.0
    wait_for_close_s: float = 930.0

    def missing(self, needs: tuple[Need, ...]) -> str:
        """The first of these needs that cannot be met, and why; "" when all can."""
        for need in needs:
            why = self.lacks.get(need) or self._lacks(need)
            if why:
                return f"needs {need}: {why}"
        return ""

    def _lacks(self, need: Need) -> str:
        kind = {Need.RSA: "rsa", Need.ED25519: "ed25519", Need.HMAC: "hmac"}.get(need)
        if kind is not None and kind not in self.signer_of:
            return f"no key of the kind {kind} is given"
        if need is Need.SECOND and self.second is None:
            return "set SECOND_KALSHI_KEY_ID and SECOND_KALSHI_PRIVATE_KEY_FILE"
        if need is Need.FAULTS and self.faults is None:
            return "only a simulated exchange has one"
        return ""


async def until_on_the_wall(at_ns: int, now_ns: Callable[[], int]) -> None:
    """Wait for a time of a clock that nobody hurries."""
    while (left_ns := at_ns - now_ns()) > 0:
        await asyncio.sleep(min(left_ns / SECOND_NS, 1.0))
