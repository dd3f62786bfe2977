"""Fixtures of the whole suite: real servers, started once, and what each test gets of them."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import settings

from bureaus.sandbox.pki import TlsFiles
from bureaus.sandbox.postgres import Postgres
from bureaus.sandbox.rabbitmq import Broker

ONE_SCENE: Final = "tests/adversary/"
"""What is below shares one scene of a minute, so that one process runs all of it."""
BrokerFactory = Callable[[Path, TlsFiles], Awaitable[Broker]]

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")  # else an example of more than 200 ms fails: a shared machine may stop us for longer


def pytest_configure() -> None:
    """A shell that starts the suite in the background lets it ignore Ctrl-C, and all that the suite starts after it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With several processes (`-n 2`): a file's tests stay together, in the order in which they were collected.

    The folders that are collected first have the longest tests, the last one has the shortest: so both end at once.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  # only where there are several processes

    class Files(LoadScopeScheduling):  # type: ignore[misc]  # xdist says nothing of its types
        def _split_scope(self, nodeid: str) -> str:
            return ONE_SCENE if nodeid.startswith(ONE_SCENE) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False
    return Files(config, log)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """One PostgreSQL for the whole run; a test that kills a server starts its own."""
    async with Postgres() as server:
        yield server


@pytest_asyncio.fixture
async def fresh_database(postgres: Postgres) -> AsyncIterator[str]:
    """SQLAlchemy's URL (`postgresql+asyncpg://...`) of a new, empty database, dropped after the test."""
    name = f"test_{uuid4().hex}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker_factory() -> AsyncIterator[BrokerFactory]:
    """Start a private broker from a definitions file and a server certificate; it ends with the run.

    Brokers may be awaited, killed and restarted in any test's loop. One broker costs 3 s and 140 MB: share
    it where the tests allow it.
    """
    async with AsyncExitStack() as brokers:

        async def start(definitions: Path, tls: TlsFiles) -> Broker:
            return await brokers.enter_async_context(Broker(definitions, tls))

        yield start
