"""Which persons and documents are there twice."""

from __future__ import annotations

from bureaus.secretariat.quality.duplicates import MOST_IN_A_BLOCK, Entry, pairs
from schemas.messages.codes import DocumentType
from schemas.messages.documents import IdentityDocument
from schemas.messages.person import Name, Person
from tests.integration.secretariat.cases import WANTED

PASSPORT = IdentityDocument.numbered(DocumentType.PASSPORT, "12AB34567", "FR")
SPELLED = IdentityDocument(type=DocumentType.PASSPORT, number="12-AB 34567", issuer="FR")
OTHERS = IdentityDocument(type=DocumentType.PASSPORT, number="12AB34567", issuer="BR")


def called(name: str, person: Person | None = None, *documents: IdentityDocument) -> Entry:
    return Entry(name, name[:2], person, documents)


def test_one_document_however_it_is_spelled_is_one() -> None:
    found = pairs([called("FR 1", None, PASSPORT), called("BR 2", None, SPELLED), called("AR 3", None, OTHERS)])
    assert [(pair.one, pair.other, pair.score) for pair in found] == [("BR 2", "FR 1", 100)]


def test_one_person_is_found_under_a_name_in_another_order_and_another_is_not() -> None:
    bare = WANTED.model_copy(update={"documents": ()})
    swapped = bare.model_copy(update={"name": Name(family="Tibo", given="Marolet-Ex")})
    other = bare.model_copy(update={"name": Name(family="Quennel", given="Ora"), "birth_date": "1990-01-01"})
    found = pairs([called("FR 1", bare), called("BR 2", swapped), called("AR 3", other)])
    assert [(pair.one, pair.other) for pair in found] == [("BR 2", "FR 1")]


def test_the_same_entry_is_no_pair_and_a_key_that_all_share_says_nothing() -> None:
    assert pairs([called("FR 1", WANTED), called("FR 1", WANTED)]) == []
    many = [called(f"FR {number}", None, PASSPORT) for number in range(MOST_IN_A_BLOCK + 1)]
    assert pairs(many) == []
    assert len(pairs(many[:3])) == 3
