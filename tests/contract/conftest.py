"""Every store, the shipped fake and the real ones, for the tests that hold them to one contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import Stores, memory_stores, sql_stores, sqlite_url


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def unopened(request: pytest.FixtureRequest, tmp_path: Path) -> AbstractAsyncContextManager[Stores]:
    if request.param == "memory":
        return memory_stores()
    if request.param == "sqlite":
        return sql_stores(sqlite_url(tmp_path))
    return sql_stores(request.getfixturevalue("fresh_database"))


@pytest_asyncio.fixture
async def stores(unopened: AbstractAsyncContextManager[Stores]) -> AsyncIterator[Stores]:
    """An empty store and its tree."""
    async with unopened as made:
        yield made
