"""The clock of a gateway that serves an exercise, over its operators' listener (gateway: serve --exercise-clock)."""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import aiohttp
from pydantic import BaseModel, ValidationError

from schemas.errors import Misuse, Reason, Unavailable

PATH: Final = "/exercise/clock"
SECONDS: Final = 300.0
"""The gateway may take so long to do what is due."""


class _Moment(BaseModel):
    now: int
    due: int | None


class GatewayClock:
    """`async with GatewayClock(operators) as clock`; `operators` is the URL of the listener."""

    def __init__(self, operators: str) -> None:
        self._url = operators + PATH
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def now(self) -> int:
        """Where it stands, in milliseconds since the epoch. Raises Misuse or Unavailable."""
        return (await self._ask("GET", None)).now

    async def to(self, milliseconds: int) -> None:
        """Let time pass until then; back when nothing is in hand and nothing is due there.

        Raises:
            Misuse: the gateway has no such clock, or will not go there. Unavailable: it does not answer.
        """
        await self._ask("POST", {"to": milliseconds})

    async def _ask(self, method: str, body: dict[str, int] | None) -> _Moment:
        if self._session is None:
            raise Misuse("the clock is not open")
        try:
            async with self._session.request(method, self._url, json=body) as answer:
                raw, status = await answer.read(), answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(Reason.UNREACHABLE, f"the gateway's clock: {type(error).__name__}") from None
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise Unavailable(Reason.STORE, f"the gateway's clock: {raw.decode(errors='replace')}")
        if status != HTTPStatus.OK:
            raise Misuse(f"the gateway's clock: {raw.decode(errors='replace')}")
        try:
            return _Moment.model_validate_json(raw)
        except ValidationError:
            raise Unavailable(Reason.UNREADABLE, "what answers is no gateway's clock") from None
