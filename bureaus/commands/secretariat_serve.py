"""`bureaunet secretariat serve`: the services, until told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Unpack

import click
from click.core import ParameterSource

from bureaus.commands.secretariat_office import Options, office, office_options
from bureaus.commands.secretariat_pages import Pages, Said, listening, pages_options, read_pages
from bureaus.commands.traces import traced

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office


@click.command(short_help="Serve: answer bureaus, send what follows, show the pages.")
@office_options
@pages_options
@click.pass_context
def serve(ctx: click.Context, **said: Unpack[Said]) -> None:
    """Serve the secretariat's services until told to stop (SIGTERM or Ctrl-C).

    \b
    Example:
      bureaunet secretariat serve --home ipsg --passphrase-file ipsg.pass --pages-port 8080 --public-port 8081
      BUREAUNET_REGISTRY_PASSWORD_FILE=db.pass bureaunet secretariat serve --home ipsg \\
          --registry postgresql+asyncpg://ipsg@localhost/ipsg

    When it is ready it prints one line of JSON on standard output: its address, the standing operation, and where its
    pages are. The log, JSON lines on standard error, never holds content or secrets. Told to stop, it finishes what it
    has in hand, sends what waits, and exits 0; what could not be sent goes at the next start.
    """  # noqa: D301  # click's \b keeps the lines of the example
    main = ctx.find_root()
    chosen = main.get_parameter_source("log") is not ParameterSource.DEFAULT
    log_lines(str(main.params["log"]) if chosen else "info")
    asyncio.run(_serve(ctx, said))


def log_lines(level: str) -> None:
    """Log this and what is more serious as JSON lines on standard error."""
    import structlog  # noqa: PLC0415  # keeps --help quick

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours = logging.getLogger("bureaus")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(level.upper())


async def _serve(ctx: click.Context, said: Said) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    options: Options = {name: said[name] for name in Options.__annotations__}  # type: ignore[literal-required, assignment]  # exactly its names
    async with office(ctx, options) as made:
        await serve_until(made, stop, read_pages(said))


async def serve_until(office: Office, stop: asyncio.Event, pages: Pages) -> None:
    """Enter the bureau, serve, say so, and drain once `stop` is set."""
    from bureaus import logs  # noqa: PLC0415  # keeps --help quick
    from bureaus.secretariat.serving import at_work  # noqa: PLC0415

    log = logs.get(__name__)
    with traced(office.bureau):
        async with office.bureau, at_work(office), listening(office, pages) as (staff, public):
            ready = {
                "event": "ready",
                "address": str(office.bureau.address),
                "operation": office.operation,
                "pages": staff,
                "public": public,
            }
            click.echo(json.dumps(ready))
            log.info("ready", address=str(office.bureau.address), pages=staff, public=public)
            await stop.wait()
            log.info("stopping")
    log.info("stopped")
