"""The exchange's own practice site as an environment: keys from the environment, pretended money, real rules."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from markets.core.units import DOLLAR
from markets.kalshi.errors import KalshiError
from markets.kalshi.hosts import Hosts
from markets.kalshi.keys import VARIABLES, signer_from
from markets.kalshi.rest import KalshiRest
from trading.acceptance.case import Need
from trading.acceptance.environment import Environment, until_on_the_wall

SECOND = "SECOND_"  # before each variable of the second account's key
SERIES = ("KXBTC15M", "KXETH15M", "KXSOL15M")
SIZE, MOST = 200, 20 * DOLLAR
HMAC = "the exchange itself takes RSA and Ed25519 keys only"


class NoEnvironment(Exception):
    """The cases cannot be tried there; the text says why and what to do."""


@asynccontextmanager
async def practice(
    environ: Mapping[str, str], hosts: Hosts, *, series: tuple[str, ...] = SERIES, size: int = SIZE, most: int = MOST
) -> AsyncIterator[Environment]:
    """The site at `hosts` with the keys of `environ`. Raises NoEnvironment; KeyProblem for a key that cannot be used."""
    if hosts.is_production:
        raise NoEnvironment(REAL)
    signer = signer_from(environ)
    if signer is None:
        raise NoEnvironment(
            "there is no key: make one on demo.kalshi.co, set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_FILE, and try again"
        )
    second = signer_from({name: environ.get(SECOND + name, "") for name in VARIABLES})

    async def until(at_ns: int) -> None:
        await until_on_the_wall(at_ns, time.time_ns)

    environment = Environment(
        name=hosts.name, hosts=hosts, signer=signer, second=second, signer_of={signer.kind: signer}, series=series,
        now_ns=time.time_ns, until=until, size=size, most=most,
    )  # fmt: skip
    environment.lacks[Need.HMAC] = HMAC
    async with KalshiRest(hosts, signer) as rest:
        try:
            await _look(environment, rest)
        except KalshiError as error:
            raise NoEnvironment(f"{hosts.name} ({hosts.rest}) does not let us begin: {error}") from error
    yield environment


REAL = (
    "the acceptance list is never tried on production: it places orders that are meant to be filled, refused and lost, "
    "with real money. Use --env demo (keys from demo.kalshi.co) or --env sim"
)


async def _look(environment: Environment, rest: KalshiRest) -> None:
    """What this account does not have."""
    balance = await rest.balance()
    funded = [shard for shard, cash in balance.by_shard.items() if cash >= DOLLAR]
    if len(funded) < 2:
        where = ", ".join(map(str, funded)) or "none"
        environment.lacks[Need.SHARDS] = f"the account has a dollar or more on these shards: {where}"
    strangers = len(await rest.orders(status="resting"))
    if strangers:
        environment.lacks[Need.ALONE] = f"{strangers} orders rest in the account that are not ours to cancel"
