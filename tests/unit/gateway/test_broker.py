"""The broker's definitions: who may do what, and that they say it the same way each time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.broker import DEFAULTS, Definitions, definitions, submission_queues, write_definitions
from schemas.codes import Urgency
from schemas.directory import (
    Directory,
    Link,
    Participant,
    ParticipantKind,
    SealingEntry,
    SigningEntry,
    State,
    Validity,
)
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey
from schemas.wire import SHARED_QUEUES, submissions_queue, submit_exchange

ALWAYS = Validity(0, 1 << 39)


def row(address: str, link: Link = Link.AMQP, state: State = State.ACTIVE) -> Participant:
    kind = ParticipantKind.UNIT if "/" in address else ParticipantKind.NATIONAL_BUREAU
    signing = (SigningEntry(SigningKey.generate().public, ALWAYS),)
    sealing = (SealingEntry(SealingKey.generate().public, ALWAYS),)
    return Participant(Address.parse(address), kind, address, link, state, signing, sealing)


def directory(*rows: Participant) -> Directory:
    return Directory(1, None, 0, (), rows)


def names(made: Definitions, section: str) -> set[str]:
    return {str(entry["name"]) for entry in made[section]}


def rights(made: Definitions, user: str) -> tuple[str, str, str]:
    (entry,) = [entry for entry in made["permissions"] if entry["user"] == user]
    return str(entry["configure"]), str(entry["write"]), str(entry["read"])


def test_a_bureau_may_write_to_its_exchange_and_read_its_inboxes_and_nothing_else() -> None:
    made = definitions(directory(row("FR"), row("BR"), row("KE/border-namanga")))
    everything = names(made, "exchanges") | names(made, "queues")
    configure, write, read = rights(made, "KE/border-namanga")
    assert {name for name in everything if re.search(write, name)} == {"submit.KE.border-namanga"}
    assert {name for name in everything if re.search(read, name)} == {
        "inbox.KE.border-namanga",
        "inbox.KE.border-namanga.urgent",
    }
    assert not any(re.search(configure, name) for name in everything)


def test_the_dot_in_a_pattern_is_a_dot() -> None:
    _, write, read = rights(definitions(directory(row("FR"))), "FR")
    assert not re.search(write, "submit-FR")
    assert not re.search(read, "inbox.FR-urgent")
    assert not re.search(read, "inbox.FRA")


def test_the_gateway_writes_to_inboxes_through_one_exchange_and_reads_its_own_queues() -> None:
    made = definitions(directory(row("FR"), row("BR")))
    everything = names(made, "exchanges") | names(made, "queues")
    configure, write, read = rights(made, "gateway")
    assert {name for name in everything if re.search(write, name)} == {"deliver"}
    assert {name for name in everything if re.search(read, name)} == {
        *submission_queues(directory(row("FR"), row("BR"))),
        "dead",
    }
    assert all(re.search(read, name) for name in SHARED_QUEUES), "what is left in them is still taken"
    assert not any(re.search(configure, name) for name in everything)


def test_no_bureau_and_no_unit_shares_a_queue_of_submissions_with_another() -> None:
    rows = [row("KE"), row("KE/urgent-desk"), row("KE/routine"), row("FR")]
    queues = submission_queues(directory(*rows))
    assert len(set(queues)) == len(queues) == 2 * len(rows)
    assert not {*queues} & {*SHARED_QUEUES}
    bound = {str(b["destination"]): b["source"] for b in definitions(directory(*rows))["bindings"]}
    assert all(bound[submissions_queue(r.address, u)] == submit_exchange(r.address) for r in rows for u in Urgency)


def test_each_urgency_has_its_queue_and_no_key_leads_to_two() -> None:
    made = definitions(directory(row("FR")))
    routes = {(str(entry["source"]), str(entry["routing_key"])): entry["destination"] for entry in made["bindings"]}
    assert len(routes) == len(made["bindings"])
    assert routes["submit.FR", "routine"] == "submissions.routine.FR"
    assert routes["submit.FR", "urgent"] == "submissions.urgent.FR"
    assert routes["deliver", "inbox.FR.urgent"] == "inbox.FR.urgent"
    assert routes["deliver", "probe"] == "probe"


def test_only_participants_on_the_broker_are_in_it() -> None:
    made = definitions(directory(row("FR"), row("BR", Link.HTTP)))
    assert names(made, "users") == {"gateway", "FR"}
    assert "BR" not in json.dumps(made)


def test_who_withdrew_keeps_a_user_without_rights_since_importing_never_removes() -> None:
    made = definitions(directory(row("FR", state=State.WITHDRAWN), row("BR", state=State.SUSPENDED)))
    assert rights(made, "FR") == ("^$", "^$", "^$")
    assert not any("FR" in name for name in names(made, "queues") | names(made, "exchanges"))
    assert submission_queues(directory(row("FR", state=State.WITHDRAWN))) == []
    assert rights(made, "BR") != rights(made, "FR"), "who is suspended is refused by the gateway, on the record"


def test_every_queue_is_a_quorum_queue_and_exactly_one_policy_rules_it() -> None:
    made = definitions(directory(row("FR"), row("KE/border-namanga")))
    assert all(entry["arguments"] == {"x-queue-type": "quorum"} for entry in made["queues"])
    for name in names(made, "queues"):
        assert len([entry for entry in made["policies"] if re.search(str(entry["pattern"]), name)]) == 1, name
    (kept,) = [entry["definition"] for entry in made["policies"] if entry["name"] == "bureaunet-queues"]
    assert isinstance(kept, dict)
    assert kept["delivery-limit"] == DEFAULTS.delivery_limit > 0
    assert (kept["overflow"], kept["dead-letter-strategy"]) == ("reject-publish", "at-least-once")


def test_no_user_has_a_password() -> None:
    assert {entry["password_hash"] for entry in definitions(directory(row("FR")))["users"]} == {""}


def test_the_same_directory_gives_the_same_file_whatever_the_order_of_its_rows(tmp_path: Path) -> None:
    rows = [row("FR"), row("BR"), row("AR")]
    one = write_definitions(directory(*rows), tmp_path / "one.json")
    two = write_definitions(directory(*reversed(rows)), tmp_path / "two.json")
    assert one.path.read_bytes() == two.path.read_bytes()
    assert (one.users, one.queues) == (4, 2 + 4 * 3)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="cannot write"):
        write_definitions(directory(row("FR")), tmp_path / "absent" / "definitions.json")
