"""The demonstration through its command line, over HTTP, on a slice of the operation: as a user runs it."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil
import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter

from bureaus.caseload import Caseload
from bureaus.commands.verify import verify
from bureaus.exercises.catalogue import operation
from bureaus.exercises.plan import make_plan
from schemas.envelope import read
from schemas.wire import decode_submission
from tests.e2e.exercise_runs import OBJECT, Json, bureaunet, held, kept_by_the_gateway, lying_open
from tests.tampering import COPIES

pytestmark = pytest.mark.timeout(400)

TARGETS, BUREAUS, SEED = 12, 8, 7
SLICE: Final = ("--targets", str(TARGETS), "--bureaus", str(BUREAUS), "--seed", str(SEED))
RECORD: Final = "infra-sa-2011.record"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json]:
    """A demonstration whose keys and databases were kept."""
    out = tmp_path_factory.mktemp("demo") / "kept"
    return out, held("demo", "--keep", "--out", out, *SLICE)


@pytest.fixture(scope="module")
def caseload() -> Caseload:
    """The cases that it runs."""
    return make_plan(operation("infra-sa-2011"), SEED, targets=TARGETS, bureaus=BUREAUS).caseload


def test_every_case_comes_to_what_its_caseload_says(kept: tuple[Path, Json], caseload: Caseload) -> None:
    _, said = kept
    assert said["ok"] is True
    assert said["faults"] == []
    expected = {str(finding): count for finding, count in caseload.outcomes().items()}
    assert said["outcomes"] == expected | {"unanswered": 0}


def test_the_same_seed_gives_the_same_cases_outcomes_and_refusals(kept: tuple[Path, Json], tmp_path: Path) -> None:
    _, first = kept
    again = held("demo", "--out", tmp_path / "again", *SLICE)
    for section in ("cases", "outcomes", "refusals", "results", "messages"):
        assert again[section] == first[section], section
    assert again["ledger"] != first["ledger"]


def test_each_wrong_is_refused_for_its_own_reason_and_the_replay_gets_its_first_acceptance(
    kept: tuple[Path, Json],
) -> None:
    refusals = TypeAdapter(list[Json]).validate_python(kept[1]["refusals"])
    assert {row["wrong"]: row["reason"] for row in refusals} == {
        "forged-signature": "signature",
        "stolen-envelope": "link-identity",
        "reused-id": "id-reused",
        "outsider": "sender-not-member",
        "replay": None,
    }
    assert [row["first_again"] for row in refusals] == [False, False, False, False, True]


def test_the_record_and_the_receipts_verify_with_the_network_file_alone(kept: tuple[Path, Json]) -> None:
    out, _ = kept
    done = bureaunet(
        "verify", out / RECORD, "--network", out / "network.bn", "--receipts", out / "receipts.cborseq", "--json"
    )
    assert done.returncode == 0, done.stdout
    assert OBJECT.validate_json(done.stdout)["missing"] == {}


def test_without_the_network_file_verify_says_why_and_exits_2(kept: tuple[Path, Json]) -> None:
    done = bureaunet("verify", kept[0] / RECORD)
    assert done.returncode == 2
    assert b"--network" in done.stderr


def test_a_record_with_one_byte_changed_does_not_verify(kept: tuple[Path, Json], tmp_path: Path) -> None:
    out, _ = kept
    whole = (out / RECORD).read_bytes()
    for at in (0, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[at] ^= 1
        tampered = tmp_path / f"{at}.record"
        tampered.write_bytes(changed)
        done = bureaunet("verify", tampered, "--network", out / "network.bn", "--json")
        assert done.returncode == 1, at
        assert OBJECT.validate_json(done.stdout)["reason"]


@pytest.mark.parametrize("name", COPIES)
def test_each_tampered_copy_of_its_record_does_not_verify_and_says_why(
    kept: tuple[Path, Json], tmp_path: Path, name: str
) -> None:
    out, _ = kept
    tampered = tmp_path / "tampered.record"
    tampered.write_bytes(COPIES[name].of((out / RECORD).read_bytes()))
    said = CliRunner().invoke(verify, [str(tampered), "--network", str(out / "network.bn"), "--json"])
    assert said.exit_code == 1
    assert OBJECT.validate_json(said.stdout)["reason"] in COPIES[name].reasons


def test_a_page_of_its_record_can_be_read(kept: tuple[Path, Json], tmp_path: Path) -> None:
    out, _ = kept
    page = tmp_path / "record.html"
    done = bureaunet("verify", out / RECORD, "--network", out / "network.bn", "--html", page)
    assert done.returncode == 0, done.stderr.decode()
    said = page.read_text("utf-8")
    assert "It verifies." in said
    assert "Nothing is missing" in said


def test_a_bureau_discloses_one_message_of_it_offline(kept: tuple[Path, Json], tmp_path: Path) -> None:
    """The gateway has ended: the sender's store holds the message, its salt, and the proof that it fetched then."""
    out, _ = kept
    digest = hashlib.sha256(decode_submission((out / "envelope.cbor").read_bytes()).statement).hexdigest()
    sender = read(decode_submission((out / "envelope.cbor").read_bytes()).statement).header.iss
    file, home = tmp_path / "one.disclosure", out / "private" / "bureaus" / sender
    done = bureaunet("disclose", digest[:16], "--home", home, "--out", file)
    assert done.returncode == 0, done.stderr.decode()
    assert b"warning: It was sent by" in done.stderr
    shown = bureaunet("verify", file, "--network", out / "network.bn", "--json")
    assert shown.returncode == 0, shown.stdout.decode()
    assert OBJECT.validate_json(shown.stdout)["digest"] == digest


def test_no_name_of_a_target_is_in_anything_that_the_gateway_keeps(kept: tuple[Path, Json], caseload: Caseload) -> None:
    files = kept_by_the_gateway(kept[0])
    assert any(path.read_bytes().startswith(b"SQLite format 3") for path in files)
    assert lying_open(caseload, files) == []


def test_a_bureau_s_own_store_does_have_them(kept: tuple[Path, Json], caseload: Caseload) -> None:
    """So that the search above would find a name that lies open."""
    home = kept[0] / "private" / "bureaus" / caseload.cases[0].asked[0]
    found = lying_open(caseload, filter(Path.is_file, home.iterdir()))
    assert any(line.startswith(f"{caseload.cases[0].person.name.family} in ") for line in found)


def test_keys_and_databases_are_removed_unless_they_are_to_be_kept(tmp_path: Path) -> None:
    out = tmp_path / "plain"
    files = TypeAdapter(dict[str, str]).validate_python(held("demo", "--out", out, *SLICE)["files"])
    assert sorted(str(path) for path in out.iterdir()) == sorted(files.values())


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    done = bureaunet("demo", "--out", tmp_path, *SLICE)
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_everything_and_leaves_no_key(tmp_path: Path, told: signal.Signals) -> None:
    out = tmp_path / "stopped"
    with subprocess.Popen(
        [sys.executable, "-m", "bureaus", "demo", "--out", out, "--json", *SLICE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        gateway = _child_that_serves(psutil.Process(running.pid))
        running.send_signal(told)
        said, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    if said:  # somebody had asked already: then there is a report of what there was
        assert OBJECT.validate_json(said)["stopped"] is True
    else:
        assert b"stopped" in complaint
    assert b"Traceback" not in complaint
    assert not gateway.is_running()
    assert not (out / "private").exists()


def _child_that_serves(parent: psutil.Process) -> psutil.Process:
    """The gateway, once it has opened a port."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in parent.children():
            try:
                if "serve" in child.cmdline() and child.net_connections("tcp"):
                    return child
            except psutil.NoSuchProcess:  # it ended between the two questions
                continue
        time.sleep(0.05)
    raise AssertionError("the gateway did not serve")


def test_a_query_as_it_was_sent_shows_its_header_and_that_the_content_is_sealed(kept: tuple[Path, Json]) -> None:
    out, said = kept
    done = bureaunet("envelope", "inspect", out / "envelope.cbor")
    assert done.returncode == 0, done.stderr.decode()
    assert b"whereabouts.query/1" in done.stdout
    assert b"sealed" in done.stdout
    assert f"bureaunet envelope inspect {out / 'envelope.cbor'}" in OBJECT.validate_python(said["commands"]).values()
