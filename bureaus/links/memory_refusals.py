"""Refusals of named senders, as the network in memory keeps them."""

from __future__ import annotations

import json

from schemas.claims import Header
from schemas.directory import Directory
from schemas.errors import Forbidden, Reason, Untrusted
from schemas.identity import Address
from schemas.preferences import SignedPreferences, claimed_by, read_preferences, refusing


class MemoryRefusals:
    """The newest version of each participant."""

    def __init__(self, net: bytes) -> None:
        self._net = net
        self.in_force: dict[Address, SignedPreferences] = {}

    def publish(self, raw: bytes, directory: Directory) -> SignedPreferences | None:
        """Take a version; None where it is the newest already."""
        owner = claimed_by(raw)
        before, row = self.in_force.get(owner), directory.find(owner)
        if before is not None and before.raw == raw:
            return None
        keys = {} if row is None else {entry.key.key_id: entry.key for entry in row.signing}
        signed = read_preferences(raw, self._net, keys, before)
        if before is None and signed.preferences.version != 1:
            raise Untrusted(Reason.VERSION_ORDER, "the first version of refusals is 1")
        self.in_force[owner] = signed
        return signed

    def check(self, header: Header) -> None:
        """Refuse a message where a recipient refuses its sender."""
        if refusing(header.aud, header.iss, self.in_force):
            raise Forbidden(Reason.SENDER_REFUSED, "a recipient does not take this sender's messages")

    def read(self, owner: str) -> bytes:
        """The newest version of a participant."""
        signed = self.in_force.get(Address(owner))
        if signed is None:
            raise Forbidden(Reason.NOT_FOUND, "no refusals")
        return signed.raw

    def refusing(self, link: Address) -> bytes:
        """Who refuses messages over a link."""
        found = (owner for owner, signed in self.in_force.items() if signed.preferences.names(link))
        return json.dumps(sorted(found)).encode()
