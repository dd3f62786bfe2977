"""`serve`: run the gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypedDict, Unpack
from urllib.parse import urlsplit

import click

from gateway.commands.shared import home_option, passphrase_options
from schemas.errors import Misuse

_PORT = click.IntRange(0, 65535)


class Asked(TypedDict):
    """What the command line said."""

    host: str | None
    port: int | None
    operators_port: int | None
    database: str | None
    broker: str | None
    workers: int | None
    exercise_clock: bool
    worker_socket: int | None


@click.command()
@home_option
@click.option("--host", help="Address for bureaus to reach.")
@click.option("--port", type=_PORT, help="Port for bureaus; 0 takes a free one.")
@click.option("--operators-port", type=_PORT, help="Port for operators, on loopback; 0 takes a free one.")
@click.option("--database", help="Database URL without a password; with one, use BUREAUNET_DATABASE_URL.")
@click.option("--broker", help="amqps://HOST:PORT, several separated by commas.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes on the one port; more than 1 need PostgreSQL.")
@click.option(
    "--exercise-clock",
    is_flag=True,
    help="Let time stand still until told to pass: exercise networks alone (exercise-clock --help).",
)
@click.option("--worker-socket", type=int, hidden=True)
@passphrase_options()
def serve(home: Path, **asked: Unpack[Asked]) -> None:
    """Serve bureaus and operators until told to stop (SIGTERM or Ctrl-C).

    \b
    Example:
      bureaunet-gateway serve --home gw --port 8443 --operators-port 9443
      bureaunet-gateway serve --home gw --port 8443 --workers 4

    When it is ready it prints one line of JSON on standard output, with the two URLs. The log, JSON lines on standard
    error, never holds content or secrets. Told to stop, it takes no more, finishes what it has in hand, and exits 0.

    With several workers, one that dies is started again, and SIGHUP replaces them one after another.
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import passphrase  # noqa: PLC0415  # keeps --help quick
    from gateway.serving import run  # noqa: PLC0415  # keeps --help quick
    from gateway.settings import load  # noqa: PLC0415  # as above

    database, worker_socket = asked["database"], asked["worker_socket"]
    if database is not None and urlsplit(database).password is not None:
        raise Misuse("a database URL with a password goes into BUREAUNET_DATABASE_URL: others can read a command line")
    said: dict[tuple[str, ...], str | int | None] = {
        ("bureaus", "host"): asked["host"],
        ("bureaus", "port"): asked["port"],
        ("operators", "port"): asked["operators_port"],
        ("database",): database,
        ("broker",): asked["broker"],
        ("supervision", "workers"): asked["workers"],
        ("exercise_clock",): asked["exercise_clock"] or None,
    }
    if worker_socket is not None:
        said["operators", "host"] = "127.0.0.1"  # the supervisor alone asks there
    again = [*_again("--database", database), *_again("--broker", asked["broker"])]
    file = passphrase.chosen().file
    again += _again("--passphrase-file", None if file is None else str(file.absolute()))
    settings = load(home, os.environ, said)
    if worker_socket is not None:  # the supervisor's listener passes the console on, and says where from
        console = settings.console.model_copy(update={"proxies": settings.console.proxies + 1})
        settings = settings.model_copy(update={"console": console})
    if settings.exercise_clock and settings.supervision.workers > 1:
        raise Misuse("an exercise's clock is one process': ask for one worker")
    if settings.supervision.workers > 1 and file is None and (home / "keys" / "vault.cbor").exists():
        raise Misuse("each worker reads the passphrase for itself: give it as --passphrase-file")
    run(settings, again, worker_socket)


def _again(option: str, value: str | None) -> tuple[str, ...]:
    return () if value is None else (option, value)
