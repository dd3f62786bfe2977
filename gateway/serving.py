"""Serving as a process: one gateway, or a supervisor of several on one port.

One gateway ends in good order on SIGTERM, SIGINT or SIGHUP. A supervisor drains all its workers on SIGTERM or SIGINT,
and replaces them one after another on SIGHUP: they read certificates, settings and the environment anew. A worker
drains also when its standard input closes, which it does when its supervisor is gone.

The one line on standard output, JSON, says that all is ready.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Final

from gateway import logs
from gateway.api.http import operators_application
from gateway.api.listener import Site, url
from gateway.api.workers import WorkersApi
from gateway.app import OPERATORS_IDLE, Gateway
from gateway.console.passing import Passing
from gateway.settings import Settings
from gateway.supervisor import Ended, Supervisor, listen
from gateway.tracing import Tracing
from gateway.watching import Watching
from schemas.errors import BureaunetError, Misuse

WORKER_OPTION: Final = "--worker-socket"
"""Hidden option of `serve`: the descriptor of a listening socket; standard input is then the supervisor's pipe."""
_YOUNG: Final = 20_000
"""Objects more than before, at which the collector looks at the young ones; Python's own measure is 700."""


def run(settings: Settings, again: Sequence[str] = (), descriptor: int | None = None) -> None:
    """Serve until told to stop. `again` is what a worker's command line says besides; `descriptor` makes us one.

    Raises:
        Misuse: the home or the settings, or traces are asked for and cannot be made. Unavailable: the database, or a
            port that is taken.
    """
    logs.start(settings.logging.level)
    watching = Watching(Tracing.of(os.environ))
    if settings.supervision.workers > 1 and descriptor is None:
        _may_supervise(settings)
        work = _supervise(settings, again, watching)
    else:
        work = _serve(settings, descriptor, watching)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_reported(work, watching))
    finally:
        watching.stop()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  # it does not exist on Windows

    return uvloop.new_event_loop


def _may_supervise(settings: Settings) -> None:
    if settings.database_url.startswith("sqlite"):
        detail = "several workers need PostgreSQL: SQLite serves one process. Set `database`, or ask for one worker"
        raise Misuse(detail)
    if sys.platform == "win32":
        raise Misuse("several workers need a system where processes can share a listening socket; Windows cannot")


async def _reported(work: Coroutine[None, None, None], watching: Watching) -> None:
    try:
        await work
    except BureaunetError:
        raise
    except Ended as error:  # it has said why
        raise SystemExit(error.code or 1) from None
    except Exception as error:  # noqa: BLE001  # a fault of ours: its type and place go to the log, its words nowhere
        watching.failed("serve-failed", error)
        raise SystemExit(1) from None
    watching.saw("stopped")


def _say_ready(url_of_bureaus: str, operators: str, **more: list[int]) -> None:
    said = {"event": "ready", "url": url_of_bureaus, "operators": operators, **more}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


# ---- one gateway


async def _serve(settings: Settings, descriptor: int | None, watching: Watching) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    inherited = None
    if descriptor is not None:
        inherited = socket.socket(fileno=descriptor)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # it is meant for the supervisor
        os.set_blocking(sys.stdin.fileno(), False)
        loop.add_reader(sys.stdin.fileno(), _listen_to_supervisor, told)
    elif sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, told.set)
    async with Gateway(settings, watching, inherited) as gateway:
        _spare_the_collector()
        _say_ready(gateway.url, gateway.operators)
        watching.saw("serving", network=gateway.network.id.hex(), origin=gateway.network.policy.origin)
        await told.wait()
        watching.saw("stopping")


def _spare_the_collector() -> None:
    """Leave what stays for as long as we run out of the collector's rounds, and begin those more seldom.

    A message makes a thousand small objects, of which nearly all go when the last name for them goes. By Python's own
    measure the collector takes a twelfth of a busy gateway's time to find next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)


def _listen_to_supervisor(told: asyncio.Event) -> None:
    """The supervisor never says anything: when there is something to read, it is the end."""
    try:
        gone = not os.read(sys.stdin.fileno(), 1)
    except BlockingIOError:
        return
    if gone:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        told.set()


# ---- a supervisor


async def _supervise(settings: Settings, again: Sequence[str], watching: Watching) -> None:
    listening = listen(settings.bureaus)
    place = url("https", settings.bureaus.host, int(listening.getsockname()[1]))
    command = [sys.executable, "-m", "gateway", "serve", "--home", str(settings.home), *again]
    supervisor = Supervisor(
        [*command, "--operators-port", "0", WORKER_OPTION], listening, watching, settings.supervision
    )
    told, rolls = asyncio.Event(), set[asyncio.Task[None]]()

    def roll() -> None:
        task = asyncio.ensure_future(supervisor.roll())
        rolls.add(task)
        task.add_done_callback(rolls.discard)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(supervisor.stop)
        await _unless_told(told, supervisor.start())
        if told.is_set():
            return
        loop.add_signal_handler(signal.SIGHUP, roll)
        operators = await _operators(settings, supervisor, watching, stack)
        _say_ready(place, operators, workers=supervisor.pids)
        watching.saw("supervising", workers=settings.supervision.workers)
        await told.wait()
        watching.saw("stopping")
        for task in rolls:
            task.cancel()
        await asyncio.gather(*rolls, return_exceptions=True)


async def _unless_told(told: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do it, or end it when told to stop."""
    task, stop = asyncio.create_task(work), asyncio.create_task(told.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if told.is_set():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    else:
        await task


async def _operators(settings: Settings, supervisor: Supervisor, watching: Watching, stack: AsyncExitStack) -> str:
    """The operators' listener for all workers: its URL."""

    def places() -> list[str | None]:
        return [None if worker is None else worker.operators for worker in supervisor.workers]

    api, passing = WorkersApi(places, watching), Passing(places, watching)
    application = operators_application(api)
    passing.mount(application)
    site = Site(application, idle=OPERATORS_IDLE, drain=settings.bureaus.drain_seconds)
    stack.push_async_callback(passing.close)
    stack.push_async_callback(site.stop)
    stack.callback(api.stop)
    stack.callback(passing.stop)
    bound = settings.operators
    return url("http", bound.host, await site.start(bound))
