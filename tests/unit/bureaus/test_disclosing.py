"""One message is opened for a third party: by its sender and by its recipient, with no key, and only that message."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus import disclosing
from bureaus.commands.disclose import hand_out
from bureaus.commands.disclosed import verify_file
from bureaus.store import FILE
from schemas import messages
from schemas.codes import Handling, Purpose
from schemas.disclosure import Disclosed, read_disclosure, verify_disclosure
from schemas.errors import BureaunetError, Misuse, Reason
from tests.integration.secretariat.cases import BODY, LISTED, PICTURE
from tests.unit.bureaus.network import OPERATION, QUERY, Team, counted


class Told:
    """A query from France to Brazil that arrived, and another."""

    def __init__(self, team: Team, digest: bytes, other: bytes) -> None:
        self.team, self.digest, self.other = team, digest, other

    async def disclosed(self, by: str) -> bytes:
        async with self.team.open(by) as bureau:
            return (await bureau.disclose(self.digest.hex()[:12])).file

    def verify(self, file: bytes) -> Disclosed:
        return verify_disclosure(read_disclosure(file), self.team.network.network)


@pytest_asyncio.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    async with team.open("FR") as fr, team.open("BR") as br:
        sent = [
            await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST, handling=Handling.H2)
            for _ in range(2)
        ]
        for one in sent:
            await one.accepted(60)
        await counted(br, "received", "new", 2)
    yield Told(team, sent[0].digest, sent[1].digest)


@pytest.mark.parametrize("by", ["FR", "BR"])
async def test_sender_and_recipient_can_each_show_what_was_said(told: Told, by: str) -> None:
    file = await told.disclosed(by)
    shown = told.verify(file)
    assert (shown.digest, shown.header.iss, shown.header.aud) == (told.digest, "FR", ("BR",))
    assert messages.decode(shown.header.kind, shown.content) == QUERY
    assert not shown.void


async def test_what_is_attached_is_told_apart_from_what_was_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    async with team.open("FR") as fr:
        said = BODY.model_copy(update={"attachments": (LISTED,)})
        sent = await fr.tell(said, to=["BR"], operation=OPERATION, attachments=[PICTURE])
        await sent.accepted(60)
        file = tmp_path / "disclosed"
        file.write_bytes((await fr.disclose(sent.digest.hex())).file)
    assert verify_file(file, team.network.network, as_json=True)
    row = json.loads(capsys.readouterr().out)
    assert row["attached"] is True
    assert row["content"]["attachments"][0]["sha256"] == LISTED.sha256
    assert verify_file(file, team.network.network, as_json=False)
    assert "attached   as the content lists it" in capsys.readouterr().out


async def test_no_key_and_no_other_message_is_in_it(told: Told) -> None:
    file = await told.disclosed("BR")
    for code in ("FR", "BR"):
        with closing(sqlite3.connect(told.team.folder / code / FILE)) as db:
            seeds = [seed for (seed,) in db.execute("SELECT seed FROM private_key")]
            (salt,) = db.execute(
                f"SELECT salt FROM {'outgoing' if code == 'FR' else 'incoming'} WHERE digest = ?",  # noqa: S608  # two fixed names
                (told.other,),
            ).fetchone()
        assert seeds
        assert not [secret for secret in (*seeds, salt, told.other) if secret in file]


async def test_content_salt_or_statement_swapped_is_found(told: Told) -> None:
    good = read_disclosure(await told.disclosed("FR"))
    told.digest, first = told.other, good
    other = read_disclosure(await told.disclosed("FR"))
    for changed, reason in (
        (replace(first, content=first.content.replace(b"status", b"statu5")), Reason.COMMITMENT),
        (replace(first, salt=other.salt), Reason.COMMITMENT),
        (replace(first, statement=other.statement), Reason.NOT_ACCEPTED),
        (replace(first, statement=other.statement, receipt=other.receipt), Reason.COMMITMENT),
        (
            replace(first, statement=other.statement, receipt=other.receipt, salt=other.salt),
            Reason.RECORD_CONTRADICTION,
        ),
        (replace(other, proof=first.proof), Reason.INCLUSION),
    ):
        with pytest.raises(BureaunetError) as caught:
            told.verify(changed.encode())
        assert caught.value.reason is reason
    told.verify(good.encode())


async def test_a_changed_byte_never_shows_something_else(told: Told) -> None:
    """Cosignature lines aside, of which this network has none, every byte of it is covered."""
    file = await told.disclosed("FR")
    for at in range(0, len(file), 13):
        changed = bytearray(file)
        changed[at] ^= 0x11
        with pytest.raises(BureaunetError):
            told.verify(bytes(changed))


@pytest.mark.parametrize("name", ["abc", "not-hexadecimal", "00000000", ""])
async def test_what_names_no_message_is_a_misuse(told: Told, name: str) -> None:
    async with told.team.open("FR") as fr:
        with pytest.raises(Misuse):
            await fr.disclose(name)


async def test_what_was_sent_before_salts_were_kept_is_for_its_recipient_to_disclose(told: Told) -> None:
    with closing(sqlite3.connect(told.team.folder / "FR" / FILE)) as db, db:
        db.execute("UPDATE outgoing SET salt = NULL")
    with pytest.raises(Misuse, match="recipients"):
        await told.disclosed("FR")
    told.verify(await told.disclosed("BR"))


@pytest.mark.parametrize(("by", "restricted"), [("FR", False), ("BR", True)])
async def test_only_what_another_restricted_asks_for_its_permission(told: Told, by: str, restricted: bool) -> None:  # noqa: FBT001  # a column of the table
    async with told.team.open(by) as bureau:
        assert (await bureau.disclose(told.digest.hex())).restricted is restricted


async def test_nothing_is_written_without_permission_and_a_file_for_its_owner_alone_with_it(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "one.disclosure"
    async with told.team.open("BR") as br:
        opening = await br.disclose(told.digest.hex())
    with pytest.raises(Misuse, match="nothing was written") as refused:
        hand_out(opening, out, permitted=False, as_json=True)
    assert "not to be passed on without permission of its sender (H2)" in refused.value.detail
    assert not out.exists()
    hand_out(opening, out, permitted=True, as_json=True)
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: It was sent by FR for the purpose `arrest`")
    row = json.loads(printed.out)
    assert (row["digest"], row["handling"], out.stat().st_mode & 0o777) == (told.digest.hex(), "H2", 0o600)
    assert told.verify(out.read_bytes()).digest == told.digest
    with pytest.raises(Misuse, match="is there already"):
        hand_out(opening, out, permitted=True, as_json=True)


async def test_what_its_handling_asks_is_said_in_words(told: Told) -> None:
    words = disclosing.about(told.verify(await told.disclosed("BR")))
    assert "FR" in words
    assert "`arrest`" in words
    assert "not to be passed on without permission of its sender (H2)" in words
    assert set(disclosing.RESTRICTED) == set(Handling)
