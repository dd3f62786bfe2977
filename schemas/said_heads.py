"""Tree heads that a record's statements and acknowledgements say, held against the tree that its entries lie in.

A head is gossip: the largest that its speaker had accepted (protocol section 5.6). One that this tree never had means
that the ledger showed another history to the speaker, or that the speaker signed an untruth. Which it was, a record
cannot tell: so it verifies, and says who signed what.

Rules: an entry's path holds the root of all that stood before it, and so the root at that size is known of every entry
in the record; of the sizes between, that two speakers named one root. Memory: a root for each entry, the newest `KEPT`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.claims import Head
from schemas.identity import Address
from schemas.merkle import root_before

KEPT: Final = 1 << 16
"""Roots that are remembered; a head that is older than so many entries of the record is not compared."""


@dataclass(frozen=True, slots=True)
class DoubtfulHead:
    """A signed head that contradicts the ledger, or another signed head."""

    index: int
    """Of the entry whose statement or acknowledgement says it."""
    party: Address
    """Who signed it."""
    head: Head
    against: int | None
    """Index of the entry whose statement named another root for this size; None where it is the tree that has another,
    or was not so large yet."""


class SaidHeads:
    """Takes entries in ledger order."""

    def __init__(self) -> None:
        self.doubtful: list[DoubtfulHead] = []
        self._roots: OrderedDict[int, tuple[bytes, int | None]] = OrderedDict()
        """Size -> root, and the index of the entry that said it; None where the tree has it."""

    def placed(self, index: int, size: int, path: Sequence[bytes]) -> None:
        """An entry's path was verified under the tree of `size`: it gives the root before the entry."""
        self._keep(index, root_before(index, size, path), None)

    def said(self, party: Address, head: Head, index: int) -> None:
        """The entry at `index` rests on a statement of `party` that says `head`."""
        known = self._roots.get(head.size)
        if head.size > index:
            self.doubtful.append(DoubtfulHead(index, party, head, None))
        elif known is None:
            self._keep(head.size, head.root, index)
        elif known[0] != head.root:
            self.doubtful.append(DoubtfulHead(index, party, head, known[1]))

    def _keep(self, size: int, root: bytes, said: int | None) -> None:
        self._roots[size] = root, said
        while len(self._roots) > KEPT:
            self._roots.popitem(last=False)
