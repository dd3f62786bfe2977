"""The part of the store's ports that keeps signed statements: directories, operations, refusals, operators' words."""

from __future__ import annotations

from typing import Protocol

from schemas.directory import Directory
from schemas.operation import SignedOperation
from schemas.preferences import SignedPreferences


class StatementWrites(Protocol):
    """What a transaction writes of them."""

    async def save_directory(self, directory: Directory, raw: bytes, index: int) -> None:
        """Keep a directory version.

        Raises:
            Untrusted: `version-order`, another of this version is there already.
        """

    async def save_operation(self, signed: SignedOperation, index: int) -> None:
        """Keep an operation version.

        Raises:
            Untrusted: `version-order`, another of this version is there already.
        """

    async def save_preferences(self, signed: SignedPreferences, index: int) -> None:
        """Keep a version of a participant's refusals.

        Raises:
            Untrusted: `version-order`, another of this version is there already.
        """

    async def save_operators(self, version: int, raw: bytes, index: int) -> None:
        """Keep a version of the authority's list of operators.

        Raises:
            Untrusted: `version-order`, another of this version is there already.
        """

    async def use_request(self, request: bytes) -> bool:
        """Remember an operators' request, by its SHA-256, for good; False where it was used before."""


class StatementReads(Protocol):
    """What is read of them; all raise Unavailable (`store`)."""

    async def directories(self, after: int = -1) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) of the directory versions with an index above `after`, ascending."""

    async def operations(self, after: int = -1) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) of the operation versions with an index above `after`, ascending."""

    async def preferences(self, after: int = -1) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) of versions of refusals with an index above `after`, ascending."""

    async def operators(self) -> tuple[int, bytes] | None:
        """(ledger index, bytes) of the newest list of operators; None where there is none."""

    async def current(self) -> bytes | None:
        """The newest DirectoryCurrent statement."""

    async def save_current(self, statement: bytes) -> None:
        """Keep a DirectoryCurrent statement in place of the one before."""
