"""Measure the way to the exchange: signing by kind of key, an order's bytes, and from the decision to the socket."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kalshi_site.management.commands.bench import machine

ROOT = Path(settings.BASE_DIR)
WAYS = {
    "ed25519": "our client, Ed25519",
    "lane-ed25519": "the lane of orders, Ed25519",
    "lane-rsa": "the lane of orders, RSA-2048",
    "rsa": "our client, RSA-2048",
    "hmac": "our client, HMAC (gateways)",
    "sync-ed25519": "our face over requests, Ed25519",
    "httpx-ed25519": "a bare httpx client, Ed25519",
}


class Command(BaseCommand):
    """Every measurement runs in a fresh process."""

    help = "Measure the exchange's client: signing by kind of key, decision to bytes on the socket, frames to events."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """How many."""
        parser.add_argument("--orders", type=int, default=5_000, help="orders a way (default: %(default)s)")
        parser.add_argument("--frames", type=int, default=200_000, help="frames to decode (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, then print."""
        if options["orders"] < 100 or options["frames"] < 1_000:
            raise CommandError("--orders is 100 or more, --frames 1,000 or more.", returncode=2)
        report = {
            "machine": machine(),
            "signing": self._ask("markets.kalshi.signing_bench"),
            "order": self._ask("markets.kalshi.order_bench", "encode"),
            "ways": [self._ask("markets.kalshi.order_bench", way, str(options["orders"])) for way in WAYS],
            "frames": self._ask("markets.feeds.kalshi.frames_bench", str(options["frames"])),
        }
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report))

    def _ask(self, module: str, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise CommandError(f"measuring with {module} {' '.join(words)} failed: {last}")
        return json.loads(done.stdout)


def text_of(report: dict[str, Any]) -> str:
    """The tables."""
    box = report["machine"]
    base = report["ways"][0]["p50_us"]
    signing = report["signing"]
    lines = [
        f"Machine   {box['processor']}, {box['cores']} cores, load {box['load_a_minute']}; Python {box['python']}, {box['system']}",
        "Method    wall time on the machine's steady clock; the exchange's side is a plain socket in another process on loopback",
        "",
        f"{'Signing one request, µs':<34} {'least':>9} {'median':>9}",
        *(f"{row['key']:<34} {row['least_us']:>9.1f} {row['median_us']:>9.1f}" for row in signing),
        f"{'Encoding one order, µs':<34} {report['order']['encode_us']:>9.2f}",
        "",
        f"{'Decision to bytes on the socket, µs':<36} {'p50':>8} {'p99':>8} {'worst':>9} {'p50, ratio':>11}",
        *(
            f"{WAYS[row['what']]:<36} {row['p50_us']:>8.0f} {row['p99_us']:>8.0f} {row['worst_us']:>9.0f} {row['p50_us'] / base:>10.1f}x"
            for row in report["ways"]
        ),
        "",
        f"WebSocket frame to event {report['frames']['median_us']:.1f} µs (the JSON of it {report['frames']['decode_us']:.1f}), {report['frames']['frames']:,} book changes",
    ]  # fmt: skip
    return "\n".join(lines)
