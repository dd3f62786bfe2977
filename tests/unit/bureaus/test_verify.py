"""`bureaunet verify` tells people and machines the same, and its exit code is the answer."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bureaus.commands.verify import verify
from schemas import merkle
from schemas.evidence import Event
from schemas.receipts import Acceptance, sign_acceptances
from tests.vector_runs import load
from tests.world import ACCEPTANCE, AUTHORITY, Log, flip, full_log


@pytest.fixture(scope="module")
def log() -> Log:
    return full_log()


@pytest.fixture
def home(tmp_path: Path, log: Log) -> Path:
    (tmp_path / "record").write_bytes(log.record())
    (tmp_path / "network.bn").write_bytes(log.network.raw)
    (tmp_path / "receipts").write_bytes(b"".join(log.receipts))
    return tmp_path


def run(home: Path, *arguments: str, network: bool = True) -> Result:
    named = ["--network", str(home / "network.bn")] if network else []
    return CliRunner().invoke(verify, [str(home / "record"), *named, *arguments])


def test_a_good_record_is_ok(home: Path) -> None:
    result = run(home, "--exchanges")
    assert result.exit_code == 0
    assert "OK" in result.output
    assert "1 answer" in result.output


def test_machines_get_one_object(home: Path) -> None:
    result = run(home, "--json", "--exchanges", "--receipts", str(home / "receipts"))
    row = json.loads(result.stdout)
    assert result.exit_code == 0
    assert row["ok"] is True
    assert row["receipts"]["counts"] == {"confirmed": 4}
    assert row["messages"] == sum(len(exchange["messages"]) for exchange in row["exchanges"]) == 3
    assert row["missing"] == {"answer": 1, "consignment": 1}


def test_without_the_network_file_it_says_why_it_must_be_pinned(home: Path) -> None:
    result = run(home, network=False)
    assert result.exit_code == 2
    assert "pinned" in result.stderr
    assert "forged" in result.stderr


@pytest.mark.parametrize("where", [5, 60, 3000, 9000, -1])
def test_a_changed_byte_is_told_with_its_place(home: Path, log: Log, where: int) -> None:
    record = log.record()
    (home / "record").write_bytes(flip(record, where % len(record)))
    result = run(home)
    assert result.exit_code == 1
    assert "DOES NOT VERIFY" in result.output
    assert "at byte" in result.output
    assert json.loads(run(home, "--json").stdout)["ok"] is False


@pytest.mark.parametrize(("name", "network"), [("record", "record"), ("none", "network.bn"), ("record", "none")])
def test_files_that_cannot_be_used_are_usage_errors(home: Path, name: str, network: str) -> None:
    result = CliRunner().invoke(verify, [str(home / name), "--network", str(home / network)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")


def test_a_page_is_written_for_people_whether_it_verifies_or_not(home: Path) -> None:
    good, bad = home / "good.html", home / "bad.html"
    assert run(home, "--html", str(good)).exit_code == 0
    assert "It verifies." in good.read_text("utf-8")
    (home / "record").write_bytes(flip((home / "record").read_bytes(), 3000))
    assert run(home, "--html", str(bad)).exit_code == 1
    assert "It does not verify." in bad.read_text("utf-8")
    again = run(home, "--html", str(good))
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)
    assert sorted(path.name for path in home.iterdir()) == ["bad.html", "good.html", "network.bn", "receipts", "record"]


def test_a_page_that_cannot_be_written_is_a_usage_error(home: Path) -> None:
    result = run(home, "--html", str(home / "none" / "page.html"))
    assert (result.exit_code, "cannot write the page" in result.stderr) == (2, True)


def test_machines_learn_the_file_s_hash_though_it_does_not_verify(home: Path) -> None:
    for data in ((home / "record").read_bytes(), b"\x58\x20 and more that is no record"):
        (home / "record").write_bytes(data)
        row = json.loads(run(home, "--json").stdout)
        assert row["format"] == 1
        assert row["sha256"] == hashlib.sha256(data).hexdigest()


def given(tmp_path: Path, name: str) -> tuple[str, str, str]:
    """A disclosure of the vectors, and the network file that it is about, as they are named on the command line."""
    file, network = tmp_path / f"{name}.disclosure", tmp_path / "vectors.bn"
    file.write_bytes(bytes.fromhex(load(f"disclosure/{name}")["given"]["data"]))
    network.write_bytes(bytes.fromhex(load("context")["network"]))
    return str(file), "--network", str(network)


def test_a_disclosed_message_is_shown_with_its_content_and_what_its_handling_asks(tmp_path: Path) -> None:
    arguments = given(tmp_path, "ok")
    told = CliRunner().invoke(verify, arguments)
    assert told.exit_code == 0
    assert "OK: FR said this to BR" in told.output
    assert '"case": "FR-1"' in told.output
    assert "H0: for preventing and combating crime only" in told.output
    row = json.loads(CliRunner().invoke(verify, [*arguments, "--json"]).output)
    assert (row["ok"], row["sender"], row["content"]) == (True, "FR", {"asked": ["status"], "case": "FR-1"})


def test_a_tampered_disclosure_does_not_verify_and_says_why(tmp_path: Path) -> None:
    arguments = given(tmp_path, "content")
    told = CliRunner().invoke(verify, arguments)
    assert told.exit_code == 1
    assert "commitment: the content is not the one that was committed to" in told.output
    row = json.loads(CliRunner().invoke(verify, [*arguments, "--json"]).output)
    assert (row["ok"], row["reason"]) == (False, "commitment")


def test_a_disclosure_has_no_page_and_needs_the_pinned_network_too(tmp_path: Path) -> None:
    arguments = given(tmp_path, "ok")
    page = CliRunner().invoke(verify, [*arguments, "--html", str(tmp_path / "page")])
    assert (page.exit_code, "has no page" in page.stderr) == (2, True)
    assert CliRunner().invoke(verify, arguments[:1]).exit_code == 2


def receipt(log: Log, index: int | None, by: str = "gateway") -> bytes:
    event = Event.SUBMISSION_ACCEPTANCE if index is not None else Event.SUBMISSION_REJECTION
    signer = ACCEPTANCE if by == "gateway" else AUTHORITY
    return sign_acceptances([Acceptance(merkle.EMPTY, event, index, 1)], log.network.id, signer)[0]


@pytest.mark.parametrize(
    ("index", "by", "said", "code"),
    [
        (3, "gateway", "missing", 1),
        (10_000, "gateway", "after-the-checkpoint", 0),
        (None, "gateway", "refused-before-the-ledger", 0),
        (3, "somebody", "invalid", 1),
    ],
)
def test_a_receipt_without_its_entry_shows_a_record_cut_short(
    home: Path, log: Log, index: int | None, by: str, said: str, code: int
) -> None:
    (home / "one").write_bytes(receipt(log, index, by))
    result = run(home, "--json", "--receipts", str(home / "one"))
    assert json.loads(result.stdout)["receipts"]["counts"] == {said: 1}
    assert result.exit_code == code


def test_garbage_receipts_are_a_usage_error(home: Path) -> None:
    (home / "one").write_bytes(b"\xff\xff")
    assert run(home, "--receipts", str(home / "one")).exit_code == 2
