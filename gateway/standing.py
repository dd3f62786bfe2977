"""Whether the database is the one that this gateway has been writing to: while it is not, nothing is taken.

A database that was put back from a backup, or another one under the same address, has forgotten what this process has
signed receipts for. Two things show it: the ledger is shorter than this process has seen it, which each transaction
looks at before it commits; and it contradicts the high-water mark, which is looked at every few seconds.

Rules: where the mark agrees again the gateway goes on by itself; after a ledger that shrank only a new start does, when
the mark decides anew. Submitters hear `store` and ask again: nothing was decided.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.ports import Watcher
from schemas.errors import BureaunetError, Reason, Unavailable

_SHORTER = (
    "the database's ledger has {found} entries, and had {known} before: it was put back, or is another. Nothing is "
    "taken until the gateway is started again on the right one. See docs/operators.md"
)


async def _unmarked() -> None:
    """Without a high-water mark there is nothing to disagree with."""


class Standing:
    """What is known against the database."""

    def __init__(self, watcher: Watcher, agree: Callable[[], Awaitable[None]] = _unmarked) -> None:
        """`agree` compares the database with the high-water mark, and raises what it finds (Ledger.agree)."""
        self._watcher, self._agree = watcher, agree
        self._size = 0
        """Entries that the ledger has at the least."""
        self._shorter = self._disagrees = ""

    def check(self) -> None:
        """See that nothing is known.

        Raises:
            Unavailable: `store`, with what is known.
        """
        if why := self._shorter or self._disagrees:
            raise Unavailable(Reason.STORE, why)

    def begins(self, index: int) -> None:
        """A transaction is about to append entries from `index` on.

        Raises:
            Unavailable: `store`, there were more before: it must not commit.
        """
        if index < self._size and not self._shorter:
            self._shorter = _SHORTER.format(found=index, known=self._size)
            self._watcher.saw("admission-unavailable", reason=Reason.STORE, why=self._shorter)
        self.check()

    def reached(self, size: int) -> None:
        """So many entries are committed."""
        self._size = max(self._size, size)

    async def look(self) -> None:
        """Compare with the high-water mark.

        Raises:
            Untrusted, Misuse: as Ledger.agree, nothing is taken from now on. Unavailable: `store`; or as `check`.
        """
        try:
            await self._agree()
        except Unavailable:
            raise
        except BureaunetError as error:
            if not self._disagrees:
                self._watcher.saw("admission-unavailable", reason=error.reason, why=error.detail)
            self._disagrees = error.detail or str(error.reason)
            raise
        if self._disagrees:
            self._disagrees = ""
            self._watcher.saw("admission-resumed")
        self.check()
