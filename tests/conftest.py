"""Fixtures of the whole suite: real servers, started once, and what each test gets of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from bureaus.sandbox.postgres import Postgres


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
