"""docs/protocol.md is complete: every claim, code, event, type, vector and limit stands in it as the code has it."""

import re

import pytest

from gateway.operators import Action
from gateway.settings import Pipeline
from gateway.two_people import Act
from schemas import (
    claims,
    codes,
    directory,
    enrolment,
    envelope,
    evidence,
    network,
    operation,
    preferences,
    receipts,
    wire,
)
from schemas.errors import Reason
from schemas.evidence import Event
from tests.vector_runs import FOLDER, names
from tools.make_vectors import DOCUMENT, documented, expected

TEXT = DOCUMENT.read_text("utf-8")
CODED = set(re.findall(r"`([^`\n]+)`", TEXT.partition("## Appendix")[0]))


def test_every_reason_code_is_in_it() -> None:
    assert {str(reason) for reason in Reason} <= CODED


@pytest.mark.parametrize("event", Event)
def test_every_event_is_in_it(event: Event) -> None:
    assert event in CODED


def test_every_act_of_operators_is_in_it() -> None:
    assert {str(act) for act in (*Action, *Act)} <= CODED


def test_every_claim_has_its_label() -> None:
    rows = dict(
        re.findall(r"^\| (-?\d+) \| ([a-z-]+) \|", TEXT.partition("### 1.2")[2].partition("### 1.3")[0], re.MULTILINE)
    )
    labels = {
        name.lower().replace("_", "-"): str(value)
        for name, value in vars(claims).items()
        if name.isupper() and isinstance(value, int) and not name.startswith(("MAX", "_"))
    }
    assert {name: label for label, name in rows.items()} == labels


def test_every_code_of_the_header_is_in_it() -> None:
    lists = (codes.Urgency, codes.Answer, codes.Purpose, codes.Handling)
    assert {str(code) for one in lists for code in one} <= CODED


def test_every_code_of_trust_is_in_it() -> None:
    lists = (directory.ParticipantKind, directory.Link, directory.State, operation.Phase, operation.Role)
    assert {str(code) for one in lists for code in one} <= CODED


def test_every_type_of_statement_is_in_it() -> None:
    types = (
        envelope.TYP,
        evidence.ACKNOWLEDGEMENT_TYP,
        receipts.ACCEPTANCE_TYP,
        network.GENESIS_TYP,
        directory.DIRECTORY_TYP,
        directory.CURRENT_TYP,
        operation.OPERATION_TYP,
        enrolment.ENROLMENT_TYP,
        enrolment.ROTATION_TYP,
        preferences.PREFERENCES_TYP,
    )
    assert {typ.removeprefix("application/vnd.bureaunet.") for typ in types} <= CODED


def test_entries_have_the_labels_of_the_code() -> None:
    section = TEXT.partition("### 5.1")[2].partition("### 5.2")[0]
    rows = re.findall(r"^\| (\d+) \| ([a-z ]+) \|", section, re.MULTILINE)
    fields = [name.replace("_", " ") for name in evidence.Entry.__dataclass_fields__]
    assert rows == [(str(label), name) for label, name in enumerate(fields, 1)]


def test_the_table_of_vectors_is_that_of_the_files() -> None:
    assert documented(TEXT, expected(FOLDER)) == TEXT
    for name in names():
        assert f"`{name.split('/')[1]}`" in TEXT


def test_limits_are_those_of_the_code() -> None:
    limits = Pipeline()
    for said in (
        f"{envelope.MAX_STATEMENT:,} bytes",
        f"{envelope.MAX_SEALED:,} bytes",
        f"{limits.clock_skew_seconds} s ahead",
        f"at most {limits.max_lifetime_seconds // 86_400} days",
        f"Above {wire.INLINE_RECIPIENTS} recipients",
        f"up to {wire.MAX_WAIT} s; up to {wire.MAX_ITEMS}",
        f"1 to {claims.MAX_RECIPIENTS}",
    ):
        assert said in TEXT
