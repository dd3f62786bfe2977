"""`serve`: run the gateway."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.commands.shared import home_option, passphrase_options
from schemas.errors import Misuse

_PORT = click.IntRange(0, 65535)


@click.command()
@home_option
@click.option("--host", help="Address for bureaus to reach.")
@click.option("--port", type=_PORT, help="Port for bureaus; 0 takes a free one.")
@click.option("--operators-port", type=_PORT, help="Port for operators, on loopback; 0 takes a free one.")
@click.option("--database", help="Database URL without a password; with one, use BUREAUNET_DATABASE_URL.")
@click.option("--broker", help="amqps://HOST:PORT, several separated by commas.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes on the one port; more than 1 need PostgreSQL.")
@click.option("--worker-socket", type=int, hidden=True)
@passphrase_options()
def serve(
    home: Path,
    host: str | None,
    port: int | None,
    operators_port: int | None,
    database: str | None,
    broker: str | None,
    workers: int | None,
    worker_socket: int | None,
) -> None:
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

    if database is not None and urlsplit(database).password is not None:
        raise Misuse("a database URL with a password goes into BUREAUNET_DATABASE_URL: others can read a command line")
    said: dict[tuple[str, ...], str | int | None] = {
        ("bureaus", "host"): host,
        ("bureaus", "port"): port,
        ("operators", "port"): operators_port,
        ("database",): database,
        ("broker",): broker,
        ("supervision", "workers"): workers,
    }
    if worker_socket is not None:
        said["operators", "host"] = "127.0.0.1"  # the supervisor alone asks there
    again = [*_again("--database", database), *_again("--broker", broker)]
    file = passphrase.chosen().file
    again += _again("--passphrase-file", None if file is None else str(file.absolute()))
    settings = load(home, os.environ, said)
    if settings.supervision.workers > 1 and file is None and (home / "keys" / "vault.cbor").exists():
        raise Misuse("each worker reads the passphrase for itself: give it as --passphrase-file")
    run(settings, again, worker_socket)


def _again(option: str, value: str | None) -> tuple[str, ...]:
    return () if value is None else (option, value)
