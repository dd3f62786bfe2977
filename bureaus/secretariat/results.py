"""What bureaus reported to the owner of an operation, and the totals.

Rules: a case counts once, by its owner's newest word, whatever often a message is handed over; a bureau speaks for its
own cases alone, since a case is kept under who reported it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from schemas.identity import Address
from schemas.messages.codes import ResultKind
from schemas.messages.result import Result


class Results:
    """The results of one operation."""

    def __init__(self) -> None:
        self._by_case: dict[tuple[Address, str], Result] = {}

    def __len__(self) -> int:
        return len(self._by_case)

    def take(self, sender: Address, result: Result) -> None:
        """Note what `sender` reported; its earlier word about the same case no longer counts."""
        self._by_case[sender.bureau, result.case] = result

    def reported(self, bureau: Address, case: str) -> Result | None:
        """What a bureau reported about a case of its own."""
        return self._by_case.get((bureau, case))

    def totals(self) -> Mapping[ResultKind, int]:
        """How many cases came to what; people rescued count one by one."""
        counted: Counter[ResultKind] = Counter()
        for result in self._by_case.values():
            counted[result.result] += result.rescued or 1
        return {kind: counted[kind] for kind in ResultKind}
