"""`kalshi-bot exchange`: a simulated exchange on this machine, for this bot or any other client of the real one."""

import asyncio
import errno
import secrets
import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, get_args

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS, money_from_text
from markets.loopback.server import Clock
from markets.tape import TapeError
from trading.playback import market_events
from trading.simulator.clock import PlaybackClock, WallClock
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.faults import FaultPlan, plan_from
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_key import KeyFileError, OwnKey, own_key, own_secret
from trading.simulator.exchange.house_rows import CRYPTO_SHARD, SHARDS, Tier
from trading.simulator.exchange.serving import (
    Exchange,
    demo_events,
    demo_house,
    first_of,
    play_house,
    serve_exchange,
    tape_house,
)
from trading.simulator.prices import ASSETS
from trading.simulator.world import DemoWorld

PORT, FASTEST, CASH = 8700, 100.0, "1000"
USAGE = 2  # the exit code for words that make no sense


class Play(NamedTuple):
    """What is played, in which house, by which clock."""

    label: str
    house: House
    events: Iterator[MarketEvent]
    clock: Clock


class Command(BaseCommand):
    help = (
        "Serve a simulated exchange on this machine, with the REST and WebSocket surface of the real one. "
        "Point any client at the addresses it prints, with the key it made. Ctrl-C ends it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=PORT, help=f"on 127.0.0.1, 0 for a free one ({PORT})")
        parser.add_argument("--speed", type=float, default=1.0, help=f"times as fast as the clock, to {FASTEST:g} (1)")
        parser.add_argument("--seed", type=int, default=settings.DEMO_SEED, help="of the demo market (DEMO_SEED)")
        parser.add_argument("--tape", help="a tape file, or the name of a tape, instead of the demo market")
        parser.add_argument("--assets", default=",".join(ASSETS), help=f"of the demo market ({','.join(ASSETS)})")
        parser.add_argument(
            "--cash", default=CASH, help=f"dollars that the account has on the shard of the markets ({CASH})"
        )
        parser.add_argument(
            "--shard",
            type=int,
            choices=tuple(SHARDS),
            default=CRYPTO_SHARD,
            help=f"where the markets and the cash are; 0 for clients that know of none ({CRYPTO_SHARD})",
        )
        parser.add_argument("--faults", type=Path, help="a JSON file of what goes wrong when; see docs/exchange.md")
        parser.add_argument("--tier", choices=get_args(Tier), default="basic", help="whose rate limits it has (basic)")
        parser.add_argument("--never-rests", action="store_true", help="without the maintenance of Thursdays")
        parser.add_argument("--read-lag", type=float, default=0.0, help="seconds that reads of an account lag (0)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["speed"] <= FASTEST:
            raise CommandError(f"--speed is above 0, and {FASTEST:g} at most", returncode=USAGE)
        if options["seed"] < 0:
            raise CommandError("--seed is 0 or more", returncode=USAGE)
        if not 0 <= options["read_lag"] <= 60 or not 0 <= options["port"] <= 65_535:
            raise CommandError("--read-lag is 0 to 60 seconds, --port 0 to 65535", returncode=USAGE)
        folder = Path(settings.BOT_HOME) / "exchange"
        try:
            plan = plan_from(options["faults"].read_bytes()) if options["faults"] else FaultPlan()
            play = _play(options, _cash(options["cash"]))
            key = own_key(folder, 1)
            secret = own_secret(folder / "control_secret")
            asyncio.run(self._serve(options["port"], play, plan, key, secret))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(f"port {options['port']} is in use; choose another with --port") from error
            raise CommandError(f"{error.strerror or error}: {error.filename}") from error
        except (ValueError, KeyFileError, TapeError) as error:
            raise CommandError(str(error), returncode=USAGE) from error

    async def _serve(self, port: int, play: Play, plan: FaultPlan, key: OwnKey, secret: str) -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        play.house.add_key(key.row)
        async with serve_exchange(play.house, port=port, faults=plan, terms=Terms(secret=secret)) as exchange:
            self._introduce(exchange, play, key)
            playing = asyncio.create_task(play_house(play.house, play.events, play.clock))
            waiting = asyncio.create_task(stopped.wait())
            await asyncio.wait((playing, waiting), return_when=asyncio.FIRST_COMPLETED)
            if playing.done() and not waiting.done():
                playing.result()  # raises what went wrong, if it did
                self.stdout.write("The tape is at its end; the exchange stays open. Ctrl-C ends it.")
                await waiting
            for task in (playing, waiting):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self.stdout.write("The exchange is closed.")

    def _introduce(self, exchange: Exchange, play: Play, key: OwnKey) -> None:
        say, hosts = self.stdout.write, exchange.hosts
        control = key.file.with_name("control_secret")
        say(f"A simulated exchange: {play.label}. Its money is play money.")
        say(f"  REST       {hosts.rest}")
        say(f"  WebSocket  {hosts.ws}")
        say(f"  key id     {key.row.key_id}")
        say(f"  key file   {key.file}")
        say(f"  faults     {exchange.control}   (bearer: what is in {control})")
        say("For example:")
        say(f'  curl "{hosts.rest}/markets?status=open"')
        say(
            f"  KALSHI_REST_URL={hosts.rest} KALSHI_WS_URL={hosts.ws} KALSHI_KEY_ID={key.row.key_id}"
            f" KALSHI_PRIVATE_KEY_FILE={key.file} kalshi-bot paper --market real"
        )
        say("Ctrl-C ends it.")
        self.stdout.flush()


def _play(options: dict[str, Any], cash: int) -> Play:
    lag_ns, salt, speed = int(options["read_lag"] * SECOND_NS), secrets.token_hex(8), float(options["speed"])
    if options["tape"]:
        path = _tape(options["tape"])
        first_ns, events = first_of(market_events(path))
        clock: Clock = PlaybackClock(first_ns, speed=speed)
        house = tape_house(clock.now_ns, salt=salt, read_lag_ns=lag_ns, shard=options["shard"])
        label = f"the tape {path.name}"
    else:
        words = [word.strip().upper() for word in options["assets"].split(",") if word.strip()]
        world = DemoWorld(options["seed"], list(dict.fromkeys(words)))
        now_ns = time.time_ns()
        clock = WallClock() if speed == 1 else PlaybackClock(now_ns, speed=speed)
        house = demo_house(world, clock.now_ns, salt=salt, read_lag_ns=lag_ns, rests=not options["never_rests"])
        events = demo_events(world, now_ns)
        label = f"the demo market of seed {world.seed} ({', '.join(world.assets)}), every price and result invented"
    house.open_account({house.shard: cash}, tier=options["tier"])
    return Play(label if speed == 1 else f"{label}, {speed:g} times as fast as the clock", house, events, clock)


def _cash(text: str) -> int:
    with suppress(ValueError):
        money = money_from_text(text)
        if money >= 0:
            return money
    raise ValueError(f"{text!r} is not an amount in dollars")


def _tape(name: str) -> Path:
    folder = Path(settings.TAPES_DIR)
    places = [Path(name), *(folder / f"{name}{suffix}" for suffix in ("", ".tape.zst", ".tape"))]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ValueError(f"There is no tape {name!r}. Looked for {', '.join(map(str, places))}.")
    return found
