"""Two of three: keys in their holders' folders, parts made apart, and successors whom the old threshold names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import ceremony, passphrase
from gateway.__main__ import main
from gateway.authority import Authority
from gateway.service import make_service
from schemas.directory import State, read_directory
from schemas.errors import BureaunetError, Misuse, Reason, Untrusted
from schemas.identity import Address
from tests.unit.gateway.test_authority import NOW, Bureau

SECRET = b"a passphrase of a holder"


class Apart:
    """An authority whose three keys are with three holders; two must sign."""

    def __init__(self, folder: Path) -> None:
        service = make_service(folder / "gw", "log.test", [], NOW).encode()
        self.home = folder / "authority"
        self.authority = Authority.create(self.home, service, "Test", NOW, exercise=True, keys=3, threshold=2)
        self.fr = Bureau("FR")
        self.authority.approve([self.fr.request()], NOW)
        self.holders = [folder / f"holder-{number}" for number in (1, 2, 3)]
        ceremony.hand_out(self.authority, 2, self.holders[1], SECRET)
        ceremony.hand_out(self.authority, 3, self.holders[2], None)

    def versions(self) -> list[bytes]:
        paths = [self.home / f"directory-{number}.cbor" for number in range(1, 10)]
        return [path.read_bytes() for path in paths if path.exists()]

    def part(self, home: Path, draft: Path) -> bytes:
        (part,) = ceremony.sign(home, ceremony.read_draft(home, draft.read_bytes(), self.versions()))
        return part


@pytest.fixture
def apart(tmp_path: Path) -> Apart:
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    passphrase.choose(file=path)
    return Apart(tmp_path)


def test_a_key_that_was_handed_out_is_with_its_holder_alone(apart: Apart) -> None:
    assert sorted(path.name for path in (apart.home / "keys").glob("authority-*.pem")) == ["authority-1.pem"]
    key = (apart.holders[1] / "keys" / "authority-2.pem").read_bytes()
    assert key.startswith(b"-----BEGIN ENCRYPTED")
    with pytest.raises(Misuse):
        ceremony.hand_out(apart.authority, 2, apart.holders[0], None)


def test_two_of_three_sign_apart_and_their_parts_make_the_version(apart: Apart) -> None:
    made = apart.authority.approve([Bureau("BR").request()], NOW)
    assert not made.signed
    assert made.changes[0].startswith("BR: new")
    parts = [apart.part(apart.holders[2], made.directory), apart.part(apart.holders[1], made.directory)]
    path = ceremony.join(apart.authority, parts)
    directory = apart.authority.directory()
    assert directory is not None
    assert (path.name, directory.version) == ("directory-2.cbor", 2)
    assert directory.find(Address("BR")) is not None
    assert not made.directory.exists()


def test_one_of_three_is_not_enough_and_the_same_one_twice_neither(apart: Apart) -> None:
    made = apart.authority.set_state(Address("FR"), State.SUSPENDED, NOW)
    part = apart.part(apart.holders[1], made.directory)
    for parts in ([part], [part, part]):
        with pytest.raises(Untrusted) as caught:
            ceremony.join(apart.authority, parts)
        assert caught.value.reason is Reason.THRESHOLD
    assert not (apart.home / "directory-2.cbor").exists()


def test_parts_of_two_drafts_do_not_join(apart: Apart) -> None:
    one = apart.authority.set_state(Address("FR"), State.SUSPENDED, NOW)
    first = apart.part(apart.holders[1], one.directory)
    other = apart.authority.set_state(Address("FR"), State.WITHDRAWN, NOW)
    second = apart.part(apart.holders[2], other.directory)
    with pytest.raises(BureaunetError):
        ceremony.join(apart.authority, [first, second])


def test_a_holder_signs_no_draft_that_does_not_follow(apart: Apart) -> None:
    made = apart.authority.set_state(Address("FR"), State.SUSPENDED, NOW)
    payload = made.directory.read_bytes()
    with pytest.raises(Untrusted) as caught:
        ceremony.read_draft(apart.holders[1], payload, [])
    assert caught.value.reason is Reason.VERSION_ORDER
    draft = ceremony.read_draft(apart.holders[1], payload, apart.versions())
    assert draft.changes == ("FR: active becomes suspended",)


def test_the_old_threshold_names_its_successors_and_they_sign_from_then_on(apart: Apart) -> None:
    made = apart.authority.succeed(1, 1, NOW)
    assert not made.signed
    parts = [apart.part(holder, made.directory) for holder in apart.holders[1:]]
    ceremony.join(apart.authority, parts)
    after = Authority(apart.home).set_state(Address("FR"), State.SUSPENDED, NOW)
    assert after.signed
    first = read_directory(apart.versions()[0], apart.authority.network)
    second = read_directory(apart.versions()[1], apart.authority.network, first)
    third = read_directory(apart.versions()[2], apart.authority.network, second)
    assert (third.version, third.holders) == (3, second.succession)
    with pytest.raises(Untrusted) as caught:
        read_directory(apart.versions()[2], apart.authority.network)
    assert caught.value.reason is Reason.KEY_UNKNOWN
    stranger = [apart.part(apart.holders[1], _draft(apart))]
    with pytest.raises(Untrusted) as caught:
        ceremony.join(apart.authority, stranger)
    assert caught.value.reason is Reason.KEY_UNKNOWN


def _draft(apart: Apart) -> Path:
    """A fourth version that nobody in office signed."""
    before = apart.authority.directory()
    assert before is not None
    path = apart.home / "directory-4.draft"
    path.write_bytes(replace(before, version=4, previous=before.hash, succession=None).encode())
    return path


def test_a_part_is_signed_on_the_command_line_after_a_look(apart: Apart, tmp_path: Path) -> None:
    made = apart.authority.set_state(Address("FR"), State.SUSPENDED, NOW)
    parts = []
    for number, holder in enumerate(apart.holders[1:]):
        out = tmp_path / f"part-{number}.cbor"
        version = str(apart.home / "directory-1.cbor")
        arguments = ["authority", "sign-part", str(made.directory), "--home", str(holder), "--version", version]
        options = ["--out", str(out), "--passphrase-file", str(tmp_path / "secret")]
        refused = CliRunner().invoke(main, [*arguments, *options], input="n\n")
        assert (refused.exit_code, out.exists()) == (1, False)
        said = CliRunner().invoke(main, [*arguments, *options], input="y\n")
        assert said.exit_code == 0, said.output
        assert "FR: active becomes suspended" in said.output
        parts.append(str(out))
    joined = CliRunner().invoke(main, ["authority", "join", "--home", str(apart.home), *parts])
    assert joined.exit_code == 0, joined.output
    directory = apart.authority.directory()
    assert directory is not None
    row = directory.find(Address("FR"))
    assert row is not None
    assert row.state is State.SUSPENDED


def test_revocation_and_states_on_the_command_line(tmp_path: Path) -> None:
    service = make_service(tmp_path / "gw", "log.test", [], NOW).encode()
    home = str(tmp_path / "authority")
    authority = Authority.create(tmp_path / "authority", service, "Test", NOW, exercise=True)
    fr = Bureau("FR")
    authority.approve([fr.request()], NOW)
    key = fr.signing.key_id.hex()
    for arguments in (
        ("suspend", "FR"),
        ("resume", "FR"),
        ("revoke", "FR", "--key", key[:12], "--void-from", "7"),
        ("withdraw", "FR"),
    ):
        said = CliRunner().invoke(main, ["authority", *arguments, "--home", home, "--json"])
        assert said.exit_code == 0, said.output
    directory = authority.directory()
    assert directory is not None
    row = directory.find(Address("FR"))
    assert row is not None
    assert (directory.version, row.state, row.signing[0].validity.void_from) == (5, State.WITHDRAWN, 7)
    again = CliRunner().invoke(main, ["authority", "resume", "FR", "--home", home])
    assert again.exit_code == 1
