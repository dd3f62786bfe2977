"""What an operation's cases stand at, and the totals: pure, from the words of bureaus.

Rules: a case counts once, by the newest word of the bureau whose it is, in the ledger's order; only that bureau's words
are about its case; what another bureau said of an earlier result no longer counts once that was corrected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.identity import Address
from schemas.messages.codes import CaseTag, Corroboration, ResultKind
from schemas.progress import Results


@dataclass(frozen=True, slots=True)
class Reported:
    """One word of a bureau about a case of its own; `result` None withdraws. `place` is its index in the ledger."""

    bureau: Address
    reference: str
    result: ResultKind | None
    place: int
    country: str | None = None
    date: str | None = None
    people: int = 1
    contributors: tuple[Address, ...] = ()
    corrects: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One word of another bureau about a result."""

    reporter: Address
    reference: str
    bureau: Address
    result: ResultKind
    says: Corroboration
    place: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A case that a bureau brought into the operation."""

    bureau: Address
    reference: str
    tags: tuple[CaseTag, ...]
    offence: str | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a case stands at."""

    word: Reported
    """The newest."""
    words: int
    """How many there were."""
    confirmed: tuple[Address, ...] = ()
    disputed: tuple[Address, ...] = ()
    tags: tuple[CaseTag, ...] = ()

    @property
    def corroborated(self) -> bool:
        """Whether another bureau confirmed it and none disputes it."""
        return bool(self.confirmed) and not self.disputed


def standing(words: Iterable[Reported], said: Iterable[Said], listed: Iterable[Listed] = ()) -> list[Standing]:
    """What each case stands at that has a result, by bureau and reference."""
    newest: dict[tuple[Address, str], Reported] = {}
    count: Counter[tuple[Address, str]] = Counter()
    for word in words:
        key = word.bureau, word.reference
        count[key] += 1
        if key not in newest or newest[key].place < word.place:
            newest[key] = word
    heard: dict[tuple[Address, str, Address], Said] = {}
    for one in sorted(said, key=lambda one: one.place):
        heard[one.reporter, one.reference, one.bureau] = one
    tags = {(one.bureau, one.reference): one.tags for one in listed}
    found = []
    for key, word in sorted(newest.items()):
        if word.result is None:
            continue
        about = [one for (who, ref, _), one in heard.items() if (who, ref) == key and one.result is word.result]
        confirmed, disputed = (
            tuple(sorted(one.bureau for one in about if one.says is says))
            for says in (Corroboration.CONFIRMED, Corroboration.DISPUTED)
        )
        found.append(Standing(word, count[key], confirmed, disputed, tags.get(key, ())))
    return found


def totals(cases: Iterable[Standing]) -> Results:
    """How many came to what; people rescued count one by one."""
    counted: Counter[ResultKind] = Counter()
    for one in cases:
        if one.word.result is not None:
            counted[one.word.result] += one.word.people
    return Results(**{str(kind): counted[kind] for kind in ResultKind})


def contacts(cases: Iterable[Standing]) -> int:
    """Pairs of bureaus of which one's answers led to a result of the other's."""
    return len({frozenset((one.word.bureau, who.bureau)) for one in cases for who in one.word.contributors})
