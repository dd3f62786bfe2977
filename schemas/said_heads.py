"""Tree heads that a record's statements and acknowledgements say, held against the tree that its entries lie in.

A head is gossip: the largest that its speaker had accepted (protocol section 5.6). One that this tree never had means
that the ledger showed another history to the speaker, or that the speaker signed an untruth. Which it was, a record
cannot tell: so it verifies, and says who signed what.

Rules: an entry's path holds the root of all that stood before it, and so the root at that size is known of every entry
in the record; of the sizes between, that two speakers named one root.

Memory: 40 bytes for each entry, of the newest `KEPT` to twice as many, without an object for any; and one root for each
size between that was named, the newest `KEPT`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.claims import Head
from schemas.identity import Address
from schemas.merkle import root_before

KEPT: Final = 1 << 16
"""Roots that are remembered; a head that is older than so many entries of the record is not compared."""
_ROOT: Final = 32
"""Bytes of a root."""


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

    def __init__(self, kept: int = KEPT) -> None:
        """`kept` is how many roots are remembered at least."""
        self._kept = kept
        self.doubtful: list[DoubtfulHead] = []
        self._sizes = array("Q")
        """Ascending: the sizes that the tree's roots are known of."""
        self._roots = bytearray()
        """One after another, in the order of the sizes."""
        self._between: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        """Size -> root, and the index of the entry that said it."""

    def placed(self, index: int, size: int, path: Sequence[bytes]) -> None:
        """An entry's path was verified under the tree of `size`: it gives the root before the entry."""
        self._sizes.append(index)
        self._roots += root_before(index, size, path)
        if len(self._sizes) == 2 * self._kept:  # many at once: taking them away moves the others
            del self._sizes[: self._kept], self._roots[: self._kept * _ROOT]

    def said(self, party: Address, head: Head, index: int) -> None:
        """The entry at `index` rests on a statement of `party` that says `head`."""
        root, by = self._known(head.size)
        if head.size > index:
            self.doubtful.append(DoubtfulHead(index, party, head, None))
        elif root is None:
            self._keep(head, index)
        elif root != head.root:
            self.doubtful.append(DoubtfulHead(index, party, head, by))

    def _known(self, size: int) -> tuple[bytes | None, int | None]:
        """The root at this size, and the index of the entry that said it: None where the tree has it."""
        at = bisect_left(self._sizes, size, max(0, len(self._sizes) - self._kept))
        if at < len(self._sizes) and self._sizes[at] == size:
            return bytes(self._roots[at * _ROOT : (at + 1) * _ROOT]), None
        return self._between.get(size, (None, None))

    def _keep(self, head: Head, index: int) -> None:
        self._between[head.size] = head.root, index
        if len(self._between) > self._kept:
            self._between.popitem(last=False)
