"""Where an admitted envelope goes: one copy for each recipient, to the inbox that the directory names. Pure."""

from __future__ import annotations

from gateway.ports import Consignment
from schemas.directory import Directory
from schemas.envelope import Statement
from schemas.errors import Reason, Untrusted


def route(statement: Statement, directory: Directory) -> list[Consignment]:
    """The copies that the gateway owes, in the order of aud.

    Raises:
        Untrusted: `recipient-unknown`, the envelope was admitted under another version of the directory.
    """
    header = statement.header
    copies: list[Consignment] = []
    for recipient in header.aud:
        row = directory.find(recipient)
        if row is None:
            raise Untrusted(Reason.RECIPIENT_UNKNOWN, f"the directory has no {recipient}")
        copies.append(Consignment(statement.digest, recipient, row.address, row.link, header.urgency, header.exp))
    return copies
