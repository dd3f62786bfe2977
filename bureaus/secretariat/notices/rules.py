"""What screening looks for in a request, rule by rule: each says what it found, and what would mend it. Pure.

     1 identity      enough to tell the person from another        RPD article 83(2)(a)
     2 offence       what the person is accused of                 83(2)(b)
     3 facts         what happened, in words                       83(2)(b)
     4 penalty       two years at most, or six months to serve     83(1)(a)(ii)
     5 warrant       a valid one, with its reference               83(2)(b)(v)
     6 assurance     that extradition will be asked for            84
     7 picture       a picture or prints                           83(2)(a)
     8 dates         possible ones
     9 documents     travel documents with issuer and check digit  ICAO 9303-3
    10 colour        another colour is for this
    11 denial        whom it is denied to
    12 neutrality    words that a person must look at              Constitution, article 3; RPD 34
    13 excluded      words of offences that are excluded           83(1)(a)(i)

2 to 6 and 13 are for red notices. Rule: what LACKS keeps a notice from being published unless a person writes down why
it is published all the same; a FLAG is for a person to decide, always in words; a HINT is good advice. Nothing here
refuses, and nothing here decides Article 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from bureaus.secretariat.notices import words
from bureaus.secretariat.notices.words import Matter
from schemas.messages.attachments import Shows
from schemas.messages.codes import DocumentType, NoticeColour
from schemas.messages.notice_codes import Pursued
from schemas.messages.notices import NoticeBody, NoticeInformation, NoticeRequest, NoticeUpdate, RuleFinding
from schemas.messages.person import Person

LEAST_MONTHS: Final = {Pursued.PROSECUTION: 24, Pursued.SENTENCE: 6}
"""RPD article 83(1)(a)(ii): the most that the law allows, or what is left to serve."""
OLDEST_YEARS: Final = 120
YOUNGEST_YEARS: Final = 12
"""Below this age at the time of the offence the dates are looked at again."""
PICTURES: Final = frozenset({Shows.FACE, Shows.PHOTOGRAPH})
PRINTS: Final = frozenset({Shows.FINGERPRINTS, Shows.DNA_PROFILE})
_ZONE: Final = frozenset(DocumentType) - {DocumentType.DRIVING_LICENCE, DocumentType.OTHER}
"""Documents that have a machine readable zone."""
_PICTURED: Final = frozenset({NoticeColour.RED, NoticeColour.BLUE, NoticeColour.YELLOW, NoticeColour.BLACK})


class Weight(StrEnum):
    """What a finding means for publication."""

    LACKS = "lacks"
    FLAG = "flag"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found."""

    rule: int
    name: str
    weight: Weight
    found: str
    mend: str

    def told(self) -> RuleFinding:
        """As the bureau is told of it."""
        return RuleFinding(rule=self.rule, name=self.name, found=self.found, mend=self.mend)


@dataclass(frozen=True, slots=True)
class Screened:
    """What the rules read: the notice, whom it belongs to, and the day."""

    notice: NoticeBody
    owner: str
    """The owner's code."""
    today: date
    denied: tuple[str, ...] = ()
    """Of an update: whom the notice is denied to as it stands."""

    @property
    def red(self) -> bool:
        """Whether it is about arresting somebody."""
        return self.notice.colour is NoticeColour.RED

    @property
    def shows(self) -> frozenset[Shows]:
        """What its attachments show."""
        return frozenset(entry.shows for entry in self.notice.attachments)


Rule = Callable[[Screened], Iterator[Finding]]


def _identity(case: Screened) -> Iterator[Finding]:
    person = case.notice.person
    if person is None:
        return
    named = bool(person.name.original or (person.name.family and person.name.given))
    data = named and person.sex is not None and person.birth_date is not None
    described = any((person.height_cm, person.eyes, person.hair, person.marks, person.documents)) or case.shows & PRINTS
    pictured = bool(case.shows & PICTURES) and any((person.aliases, person.birth_date, person.documents))
    if (data and described) or pictured:
        return
    if not case.red and named and (data or person.documents or case.shows & (PICTURES | PRINTS)):
        return
    mend = "name, sex and year of birth with a description, document or prints; or a picture and one thing more"
    yield Finding(1, "identity", Weight.LACKS, "too little to tell the person from another", mend)


def _offence(case: Screened) -> Iterator[Finding]:
    if case.red and case.notice.person is not None and not case.notice.person.charges:
        yield Finding(2, "offence", Weight.LACKS, "no charge is named", "say what the person is accused of, and where")


def _facts(case: Screened) -> Iterator[Finding]:
    person = case.notice.person
    told = case.notice.facts or any(charge.facts for charge in (person.charges if person else ()))
    if case.red and not told:
        yield Finding(3, "facts", Weight.LACKS, "no facts", "say what the person did, when and where")


def _penalty(case: Screened) -> Iterator[Finding]:
    if not case.red:
        return
    penalty = case.notice.penalty
    if penalty is None:
        yield Finding(4, "penalty", Weight.LACKS, "no penalty", "say what the law allows, or what is left to serve")
        return
    least = LEAST_MONTHS[penalty.pursued]
    if penalty.months is not None and penalty.months < least:
        found = f"{penalty.months} months, less than the {least} of a red notice for a {penalty.pursued}"
        yield Finding(
            4, "penalty", Weight.LACKS, found, "ask for a blue notice, or say why it is published all the same"
        )
    said = [warrant.max_penalty_months for warrant in case.notice.person.warrants] if case.notice.person else []
    known = [months for months in said if months is not None]
    if penalty.pursued is Pursued.PROSECUTION and penalty.months and known and max(known) != penalty.months:
        found = f"{penalty.months} months here, {max(known)} in a warrant"
        yield Finding(4, "penalty", Weight.HINT, found, "say which is right")


def _warrant(case: Screened) -> Iterator[Finding]:
    if not case.red or case.notice.person is None:
        return
    if not any(warrant.reference or warrant.authority for warrant in case.notice.person.warrants):
        mend = "name the warrant or judgment, who issued it and when"
        yield Finding(5, "warrant", Weight.LACKS, "no warrant that can be found again", mend)
    elif not any(entry is Shows.WARRANT for entry in case.shows):
        yield Finding(5, "warrant", Weight.HINT, "no copy of the warrant", "attach one")


def _assurance(case: Screened) -> Iterator[Finding]:
    if case.red and case.notice.extradition is None:
        mend = "say which authority assures that extradition will be asked for"
        yield Finding(6, "assurance", Weight.LACKS, "nobody assures that extradition will be asked for", mend)


def _picture(case: Screened) -> Iterator[Finding]:
    if case.notice.colour in _PICTURED and not case.shows & (PICTURES | PRINTS):
        weight = Weight.LACKS if case.notice.colour is NoticeColour.BLACK else Weight.HINT
        yield Finding(7, "picture", weight, "no picture and no prints", "attach a picture of the face, or prints")


def _dates(case: Screened) -> Iterator[Finding]:
    person, thing = case.notice.person, case.notice.thing
    if thing is not None and thing.date is not None and _first(thing.date) > case.today:
        yield _date("the date lies in the future")
    if person is None:
        return
    born = _first(person.birth_date) if person.birth_date else None
    if born is not None and born > case.today:
        yield _date("born in the future")
    elif born is not None and case.today.year - born.year > OLDEST_YEARS:
        yield _date(f"born more than {OLDEST_YEARS} years ago")
    for charge in person.charges:
        if charge.committed is None:
            continue
        if _first(charge.committed) > case.today:
            yield _date("an offence is committed in the future")
        elif born is not None and _last(charge.committed).year - born.year < YOUNGEST_YEARS:
            yield _date(f"younger than {YOUNGEST_YEARS} at an offence")
    yield from _warrant_dates(person, case.today)


def _warrant_dates(person: Person, today: date) -> Iterator[Finding]:
    offences = [_first(charge.committed) for charge in person.charges if charge.committed]
    for warrant in person.warrants:
        if warrant.issued is None:
            continue
        if _first(warrant.issued) > today:
            yield _date("a warrant is issued in the future")
        elif offences and _last(warrant.issued) < min(offences):
            yield _date("a warrant is older than every offence")


def _date(found: str) -> Finding:
    return Finding(8, "dates", Weight.LACKS, found, "put the date right, or leave out what is not known of it")


def _documents(case: Screened) -> Iterator[Finding]:
    for document in case.notice.person.documents if case.notice.person else ():
        name = f"the {document.type} that ends in {document.number[-3:]}"
        if document.issuer is None:
            yield Finding(9, "documents", Weight.HINT, f"{name} has no issuer", "say who issued it")
        elif document.check_digit is None and document.type in _ZONE:
            mend = "give the digit behind the number in the machine readable zone"
            yield Finding(9, "documents", Weight.HINT, f"{name} has no check digit", mend)


def _colour(case: Screened) -> Iterator[Finding]:
    person = case.notice.person
    if case.notice.colour in (NoticeColour.YELLOW, NoticeColour.GREEN) and person is not None and person.warrants:
        yield Finding(10, "colour", Weight.HINT, "the person is wanted by a warrant", "a red notice is for that")


def _denial(case: Screened) -> Iterator[Finding]:
    denied = getattr(case.notice, "denied", ())
    if case.owner in denied:
        yield Finding(11, "denial", Weight.LACKS, "denied to its own owner", "take the owner from the list")
    opened = sorted(set(case.denied) - set(denied)) if denied else ()
    if opened:
        found = _line(f"no more denied to {', '.join(opened)}")
        yield Finding(11, "denial", Weight.FLAG, found, "a person decides whether its owner means to show it there")


def _neutrality(case: Screened) -> Iterator[Finding]:
    for matter, hits in words.found(_text(case.notice)).items():
        if matter is not Matter.PRIVATE:
            found = _line(f"{matter}: {', '.join(hits)}")
            yield Finding(12, "neutrality", Weight.FLAG, found, "a person decides under Article 3, and says why")


def _excluded(case: Screened) -> Iterator[Finding]:
    hits = words.found(_text(case.notice)).get(Matter.PRIVATE, ()) if case.red else ()
    if hits:
        mend = "a person decides whether the offence is excluded, and says why"
        yield Finding(13, "excluded", Weight.FLAG, _line(f"private matter: {', '.join(hits)}"), mend)


RULES: Final[tuple[Rule, ...]] = (
    _identity, _offence, _facts, _penalty, _warrant, _assurance, _picture, _dates, _documents, _colour, _denial,
    _neutrality, _excluded,
)  # fmt: skip
"""By number, from 1."""


def screen(notice: NoticeBody, owner: str, today: date, denied: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """What every rule found, in the order of their numbers; `denied` is as in `Screened`."""
    case = Screened(notice, owner, today, denied)
    return tuple(finding for rule in RULES for finding in rule(case))


def reasons_needed(findings: tuple[Finding, ...]) -> bool:
    """Whether who publishes it must write down why."""
    return any(finding.weight is not Weight.HINT for finding in findings)


def people_needed(notice: NoticeBody, findings: tuple[Finding, ...]) -> int:
    """How many different people publish it: two a red one, and whatever was flagged; else one."""
    flagged = any(finding.weight is Weight.FLAG for finding in findings)
    return 2 if flagged or notice.colour is NoticeColour.RED else 1


def _text(notice: NoticeBody) -> str:
    person, thing = notice.person, notice.thing
    texts = [notice.facts, *(entry.about for entry in notice.attachments)]
    if isinstance(notice, NoticeInformation | NoticeUpdate):
        texts.append(notice.note)
    if isinstance(notice, NoticeRequest | NoticeInformation | NoticeUpdate):
        texts.append(notice.restrictions)
    if thing is not None:
        texts += [thing.name, thing.description]
    if person is not None:
        texts += [charge.facts for charge in person.charges]
    return "\n".join(text for text in texts if text)


def _line(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."


def _first(partial: str) -> date:
    return date.fromisoformat((partial + "-01-01")[:10])


def _last(partial: str) -> date:
    """The end of what a partial date may mean, to the month: late enough for what is compared here."""
    return date.fromisoformat((partial + "-12-28"[3 * (partial.count("-")) :])[:10])
