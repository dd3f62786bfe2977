"""Each kind of tampered copy of a record: exit 1, and the reason, for people and for machines."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bureaus.commands.verify import verify
from schemas.exchanges import Report
from schemas.keys import NoteKey
from schemas.network import make_network, read_network
from schemas.notes import Checkpoint, Policy, sign_checkpoint, signature_line
from schemas.record import verify_record
from tests.tampering import COPIES, Copy
from tests.world import AUTHORITY, LOG, NOW, Log, full_log, make_genesis, new_network, seed

WITNESSES = tuple(NoteKey(f"{name}.example", seed(name)) for name in ("one", "two", "three"))


def witnessed() -> tuple[Log, bytes]:
    """The full log's record in a network of three witnesses, two of whom signed its checkpoint."""
    policy = Policy(LOG.name, LOG.public, {key.name: key.public for key in WITNESSES}, 2)
    genesis = replace(make_genesis(), policy=policy)
    first = sign_checkpoint(Checkpoint.empty(LOG.name), LOG, NOW)
    log = full_log(read_network(make_network(genesis, [AUTHORITY], first)))
    copy = Copy(log.record())
    note = str(copy.items[2][1])
    copy.items[2][1] = note + "".join(signature_line(log.head, witness, NOW) for witness in WITNESSES[:2])
    return log, copy.join()


LOGGED, RECORD = witnessed()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "network.bn").write_bytes(LOGGED.network.raw)
    return tmp_path


def told(home: Path, record: bytes, *options: str) -> tuple[int, str]:
    (home / "record").write_bytes(record)
    result = CliRunner().invoke(verify, [str(home / "record"), "--network", str(home / "network.bn"), *options])
    return result.exit_code, result.output


def report(record: bytes) -> Report:
    return verify_record(io.BytesIO(record).read, LOGGED.network)


def test_the_whole_record_verifies_and_names_its_witnesses(home: Path) -> None:
    assert Copy(RECORD).join() == RECORD
    code, said = told(home, RECORD)
    assert code == 0
    assert "one.example, two.example, of a quorum of 2" in said
    assert not report(RECORD).provisional


@pytest.mark.parametrize("name", COPIES)
def test_a_tampered_copy_does_not_verify_and_says_why(home: Path, name: str) -> None:
    tampering = COPIES[name]
    record = tampering.of(RECORD)
    assert record != RECORD
    code, said = told(home, record, "--json")
    row = json.loads(said)
    assert (code, row["ok"]) == (1, False)
    assert row["reason"] in tampering.reasons, row
    assert row["detail"]
    code, said = told(home, record)
    assert code == 1
    assert "DOES NOT VERIFY" in said
    assert row["reason"] in said


def test_a_record_of_another_network_does_not_verify(home: Path) -> None:
    (home / "network.bn").write_bytes(new_network().raw)
    code, said = told(home, RECORD, "--json")
    assert (code, json.loads(said)["reason"]) == (1, "network")


def test_a_cosignature_left_out_verifies_and_is_provisional(home: Path) -> None:
    copy = Copy(RECORD)
    note = str(copy.items[2][1])
    copy.items[2][1] = note[: note.rindex("\N{EM DASH}")]
    code, said = told(home, copy.join(), "--json")
    assert code == 0
    assert json.loads(said)["checkpoint"] == {
        **json.loads(told(home, RECORD, "--json")[1])["checkpoint"],
        "provisional": True,
        "witnesses": ["one.example"],
    }


def test_a_sealed_part_that_went_without_an_entry_is_said_to_be_missing() -> None:
    copy = Copy(RECORD)
    place = copy.with_sealed()[0]
    copy.items[place][4] = [*copy.attached(place)[:2], None]
    end = copy.items[-1]
    copy.items[-1] = [*end[:3], int(str(end[3])) - 1]
    assert report(copy.join()).missing == {**report(RECORD).missing, "sealed part": 1}
