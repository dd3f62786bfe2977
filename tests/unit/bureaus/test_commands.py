"""The command line without a network: help, enrolment, inspection, and errors in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bureaus.__main__ import main
from schemas import envelope as envelopes
from schemas import wire
from schemas.claims import Head, Header
from schemas.codes import Purpose
from schemas.identity import Address, MessageId
from schemas.keys import SealingKey, SigningKey
from schemas.wire import InboxItem, ItemType

PERSON = "Synthetica Nobody"


@pytest.fixture
def sealed() -> envelopes.Envelope:
    header = Header(
        Address("FR"),
        "infra-test",
        (Address("BR"), Address("AR")),
        1_800_000_000,
        1_800_000_600,
        MessageId.new(1_800_000_000_000),
        bytes(32),
        Head(7, bytes(32)),
        "whereabouts.query/1",
        Purpose.ARREST,
        exercise=True,
    )
    keys = [SealingKey.generate().public for _ in header.aud]
    return envelopes.seal(header, PERSON.encode(), keys, SigningKey.generate())


def bureaunet(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_help_names_every_command_and_imports_none() -> None:
    loaded = "import sys\nfrom bureaus.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    loaded += (
        "print('LOADED', sorted(name for name in sys.modules if name.startswith(('aiohttp', 'bureaus.commands.'))))"
    )
    out = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout
    assert "LOADED ['bureaus.commands.lazy']" in out
    for name in ("enrol", "ask", "listen", "operation", "disclose", "envelope", "verify", "demo", "exercise"):
        assert name in out


@pytest.mark.parametrize(
    "command",
    [
        "enrol",
        "ask",
        "listen",
        "operation open",
        "operation phase",
        "operation show",
        "operation member",
        "operation review",
        "operation progress",
        "operation times",
        "operation list",
        "envelope inspect",
        "disclose",
        "verify",
    ],
)
def test_every_command_teaches_by_an_example(command: str) -> None:
    code, out = bureaunet(*command.split(), "--help")
    assert code == 0
    assert f"bureaunet {command}" in out


def test_enrolling_prints_fingerprints_and_writes_the_request(tmp_path: Path) -> None:
    home = tmp_path / "fr"
    code, out = bureaunet("enrol", "FR", "--home", home, "--unit", "fugitives", "--no-passphrase", "--json")
    row = json.loads(out.splitlines()[-1])
    assert (code, row["address"], Path(row["request"]).is_file()) == (0, "FR", True)
    assert len(row["signing"].replace(" ", "")) == 64
    assert json.loads(bureaunet("enrol", "FR", "--home", home, "--json")[1]) == row


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("enrol",), "whom to enrol"),
        (("enrol", "--complete"), "--complete needs"),
        (("ask", "--to", "BR", "--operation", "x", "--case", "A"), "not enrolled"),
        (("ask", "--to", "BR", "--operation", "x"), "names a person"),
        (("listen",), "not enrolled"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out = bureaunet(*arguments, "--home", tmp_path)
    assert code == 2
    assert said in out
    assert "Traceback" not in out


def test_an_envelope_shows_its_header_and_that_its_content_is_sealed(
    tmp_path: Path, sealed: envelopes.Envelope
) -> None:
    file = tmp_path / "message.cbor"
    file.write_bytes(wire.encode_submission(sealed))
    code, out = bureaunet("envelope", "inspect", file)
    assert code == 0
    assert "whereabouts.query/1" in out
    assert "BR, AR" in out
    assert "sealed: " in out
    assert PERSON not in out
    code, out = bureaunet("envelope", "inspect", file, "--json")
    row = json.loads(out)
    assert (row["header"]["from"], row["header"]["to"]) == ("FR", ["BR", "AR"])
    assert [wrap["suite"] for wrap in row["sealed"]["wraps"]] == ["HPKE_9_KE", "HPKE_9_KE"]
    assert row["digest"] == sealed.digest.hex()


def test_an_inbox_item_and_a_statement_alone_can_be_inspected(tmp_path: Path, sealed: envelopes.Envelope) -> None:
    file = tmp_path / "item.cbor"
    for data in (InboxItem(1, ItemType.ENVELOPE, b"", sealed.statement, None).encode(), sealed.statement):
        file.write_bytes(data)
        code, out = bureaunet("envelope", "inspect", file, "--json")
        assert (code, json.loads(out)["sealed"]) == (0, None)


def test_what_is_no_envelope_or_was_altered_is_said_with_its_reason(tmp_path: Path, sealed: envelopes.Envelope) -> None:
    file = tmp_path / "message.cbor"
    assert sealed.sealed is not None
    altered = sealed.sealed[:-1] + bytes([sealed.sealed[-1] ^ 1])
    for data, reason in (
        (b"garbage", "cbor-"),
        (wire.encode_submission(envelopes.Envelope(sealed.statement, altered)), "sealed-hash"),
    ):
        file.write_bytes(data)
        code, out = bureaunet("envelope", "inspect", file)
        assert (code, reason in out) == (1, True), out
    code, out = bureaunet("envelope", "inspect", tmp_path / "nothing.cbor")
    assert (code, "cannot read" in out) == (2, True)
