"""Who witnesses is the authority's word: named from approved requests, carried on, changed, and printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.authority import Authority, Witnessing
from gateway.service import make_service
from schemas.enrolment import read_request, sign_request
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.keys import NoteKey
from tests.unit.gateway.test_authority import NOW, Bureau

NAMES = tuple(map(Address, ("AR", "BR", "CL", "FR", "PE")))


class Witnessed(Bureau):
    """A bureau whose request has a witness key."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.witness = NoteKey.generate(address)

    def request(self) -> bytes:
        body = replace(read_request(super().request()), witness=self.witness.public)
        return sign_request(body, self.signing, self.witness)


@pytest.fixture
def bureaus() -> dict[Address, Witnessed]:
    return {name: Witnessed(name) for name in NAMES}


@pytest.fixture
def authority(tmp_path: Path, bureaus: dict[Address, Witnessed]) -> Authority:
    service = make_service(tmp_path / "gw", "log.test", ["gw.test"], NOW)
    made = Authority.create(tmp_path / "authority", service.encode(), "Test network", NOW, exercise=True)
    made.approve([bureau.request() for bureau in bureaus.values()], NOW)
    return made


def test_witnesses_are_named_from_approved_requests_and_stay_until_said_otherwise(
    authority: Authority, bureaus: dict[Address, Witnessed]
) -> None:
    first = authority.directory()
    assert first is not None
    assert first.witnesses is None
    made = authority.name_witnesses(Witnessing(NAMES, 1), NOW)
    assert any(line.startswith("witnesses: 4 of 5 sign, 1 may be dishonest") for line in made.changes)
    named = authority.directory()
    assert named is not None
    assert named.witnesses is not None
    assert named.witnesses.keys == {str(name): bureau.witness.public for name, bureau in bureaus.items()}
    quiet = authority.approve([Bureau("CO").request()], NOW)
    assert not any("witness" in line for line in quiet.changes)
    later = authority.directory()
    assert later is not None
    assert later.witnesses == named.witnesses
    ended = authority.name_witnesses(Witnessing(()), NOW)
    assert any("no witnesses" in line for line in ended.changes)


def test_an_approval_may_name_them_at_once(authority: Authority) -> None:
    made = authority.approve([Bureau("CO").request()], NOW, witnessing=Witnessing(NAMES[:3], 0, 3))
    assert any(line.startswith("witnesses: 3 of 3 sign, 0 may be dishonest") for line in made.changes)


def test_a_quorum_that_does_not_hold_and_a_bureau_without_a_witness_key_are_refused(authority: Authority) -> None:
    for wrong in (Witnessing(NAMES, 1, 3), Witnessing(NAMES, 5), Witnessing(NAMES, 1, 6)):
        with pytest.raises(Misuse, match="does not hold"):
            authority.name_witnesses(wrong, NOW)
    authority.approve([Bureau("CO").request()], NOW)  # as enrolled before there were witness keys
    with pytest.raises(Misuse, match="let it rotate"):
        authority.name_witnesses(Witnessing((Address("CO"),)), NOW)


def test_the_command_names_them_and_wants_a_decision(authority: Authority) -> None:
    run, home = CliRunner().invoke, ["authority", "policy", "--home", str(authority.home)]
    refused = run(main, home)
    assert refused.exit_code == 2
    assert "--none" in refused.output
    named = [part for name in NAMES for part in ("--witness", name)]
    made = run(main, [*home, *named, "--dishonest", "1"])
    assert made.exit_code == 0
    assert "4 of 5 sign" in made.output
    ended = run(main, [*home, "--none"])
    assert "no witnesses are named" in ended.output
