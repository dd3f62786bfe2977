"""`watch`: a gateway as it works, in a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import click
from rich.console import Console
from rich.live import Live

from gateway.commands.asking import ask, checked, operators_option, stranger
from gateway.commands.shared import json_option
from gateway.commands.watch_view import drawn
from gateway.glance import Glance, Reading, glance, read
from schemas.errors import Malformed, Unavailable


@click.command()
@operators_option
@click.option(
    "--every",
    type=click.FloatRange(0.2, 60),
    default=2.0,
    show_default=True,
    help="Seconds between two readings: rates and latencies are of what came in between.",
)
@click.option("--once", is_flag=True, help="Print what two readings say, and end.")
@json_option
def watch(url: str, every: float, *, once: bool, as_json: bool) -> None:
    """Show a gateway as it works: rates, latency, backlog, overdue answers, refusals, ledger, witnesses, workers.

    \b
    Examples:
      bureaunet-gateway watch --operators http://127.0.0.1:9443
      bureaunet-gateway watch --operators http://127.0.0.1:9443 --once --json

    Ctrl-C ends it. With --json each look is a line. With --once it exits 0 where the gateway is ready, else 1.
    """  # noqa: D301  # click's \b keeps the lines of the example
    url = checked(url)
    try:
        if once:
            found = next(_glances(url, every))
            _say(found, url, as_json=as_json)
            if not found.ready:
                raise SystemExit(1)
        elif as_json:
            for found in _glances(url, every):
                _say(found, url, as_json=True)
        else:
            _live(url, every)
    except KeyboardInterrupt:
        return


def _live(url: str, every: float) -> None:
    """Draw until told to end; a gateway that does not answer may be starting again."""
    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        while True:
            try:
                for found in _glances(url, every):
                    live.update(drawn(found, url), refresh=True)
            except Unavailable as error:
                live.update(f"{error.detail}; trying again", refresh=True)
                time.sleep(every)


def _glances(url: str, every: float) -> Iterator[Glance]:
    """One after another, without end.

    Raises:
        Unavailable: `unreachable`. Malformed: `structure`, something else answers.
    """
    before = _reading(url)
    while True:
        time.sleep(every)
        now = _reading(url)
        yield glance(before, now, _checks(url))
        before = now


def _say(found: Glance, url: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.row()))
    else:
        Console().print(drawn(found, url))


def _reading(url: str) -> Reading:
    try:
        return read(ask(url, "/metrics").decode(errors="replace"), time.monotonic())
    except Malformed:
        raise stranger(url) from None


def _checks(url: str) -> dict[str, str]:
    """Name of each readiness check -> `ok`, or what is wrong."""
    try:
        said = json.loads(ask(url, "/readyz"))
    except ValueError:
        said = None
    match said:
        case {"checks": dict(checks)}:
            return {str(name): str(value) for name, value in checks.items()}
    raise stranger(url)
