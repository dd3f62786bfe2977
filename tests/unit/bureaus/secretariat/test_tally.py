"""What cases stand at, from the words of bureaus."""

from __future__ import annotations

from bureaus.secretariat.tally import Listed, Reported, Said, contacts, standing, totals
from schemas.identity import Address
from schemas.messages.codes import CaseTag, Corroboration, ResultKind
from schemas.progress import Results

FR, BR, AR = Address("FR"), Address("BR"), Address("AR")
LOCATED = Reported(FR, "FR-1", ResultKind.LOCATED, 10, contributors=(BR,))
ARRESTED = Reported(FR, "FR-1", ResultKind.ARRESTED, 20, contributors=(BR, Address("AR/fugitives")))
WITHDRAWN = Reported(FR, "FR-1", None, 30, corrects=True)


def said(by: Address, result: ResultKind, says: Corroboration, place: int = 50) -> Said:
    return Said(FR, "FR-1", by, result, says, place)


def test_the_newest_word_by_the_ledger_counts_in_whatever_order_they_came() -> None:
    for words in ([LOCATED, ARRESTED], [ARRESTED, LOCATED]):
        (one,) = standing(words, [])
        assert (one.word.result, one.words) == (ResultKind.ARRESTED, 2)
    assert standing([LOCATED, WITHDRAWN, ARRESTED], []) == []


def test_a_bureau_speaks_for_its_own_case_alone() -> None:
    other = Reported(BR, "FR-1", None, 90, corrects=True)
    assert [one.word for one in standing([ARRESTED, other], [])] == [ARRESTED]


def test_what_was_said_of_an_earlier_result_counts_no_longer() -> None:
    words = [said(BR, ResultKind.LOCATED, Corroboration.CONFIRMED)]
    assert standing([LOCATED], words)[0].corroborated
    assert not standing([LOCATED, ARRESTED], words)[0].corroborated


def test_each_bureau_has_one_word_and_a_dispute_outweighs_what_others_confirm() -> None:
    confirmed = said(BR, ResultKind.ARRESTED, Corroboration.CONFIRMED)
    disputed = said(AR, ResultKind.ARRESTED, Corroboration.DISPUTED, 60)
    (one,) = standing([ARRESTED], [disputed, confirmed])
    assert (one.confirmed, one.disputed, one.corroborated) == ((BR,), (AR,), False)
    changed = said(AR, ResultKind.ARRESTED, Corroboration.CONFIRMED, 70)
    (one,) = standing([ARRESTED], [disputed, confirmed, changed])
    assert (one.confirmed, one.corroborated) == ((AR, BR), True)


def test_totals_count_cases_and_people_rescued_and_pairs_that_worked_together() -> None:
    rescued = Reported(BR, "BR-7", ResultKind.RESCUED, 5, people=7, contributors=(FR,))
    cases = standing([ARRESTED, rescued], [], [Listed(FR, "FR-1", (CaseTag.COLD,))])
    assert totals(cases) == Results(arrested=1, rescued=7)
    assert contacts(cases) == 2
    assert [one.tags for one in cases] == [(), (CaseTag.COLD,)]
