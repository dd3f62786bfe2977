"""Whose messages a bureau refuses: signed versions of it, kept by the gateway, published and read here.

Order of a change: the version in force is read from the gateway and verified, then the next one is signed, published
and kept. Rules: the same change again changes nothing; a gateway that shows an older version than the one that we keep,
or another of the same number, is not believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bureaus.store import identity
from schemas import wire
from schemas.errors import BureaunetError, Forbidden, Reason, Untrusted
from schemas.identity import Address
from schemas.preferences import Preferences, SignedPreferences, read_preferences, sign_preferences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bureaus.desk import OpenBureau
    from bureaus.links import Link

KEPT: Final = "preferences"
"""The named value of the store that has our newest version."""


class Refusing:
    """The part of a `Bureau` that says whose messages it refuses."""

    @property
    def _parts(self) -> OpenBureau:
        raise NotImplementedError

    async def refuse(self, *senders: str) -> Preferences:
        """From now on, let the gateway refuse messages of these to us and to our units: all that we refuse then.

        A bureau's code names its units too. Whom we refuse is told so when it writes to us, and to nobody else.

        Raises:
            Malformed: `address`; `structure`, too many, or our own bureau. Untrusted: `key-not-valid`; `version-order`,
                the gateway shows an older version than ours, or another program changed it in this moment. Forbidden:
                `recipient-unknown`, we have no row of our own. Unavailable.
        """
        named = frozenset(map(Address.parse, senders))
        return await _change(self._parts, lambda refused: refused | named)

    async def accept(self, *senders: str) -> Preferences:
        """Let these write to us again: all that we refuse then.

        Raises:
            As `refuse`.
        """
        named = frozenset(map(Address.parse, senders))
        return await _change(self._parts, lambda refused: refused - named)

    async def refused(self) -> Preferences | None:
        """What is in force, verified; None where we never refused anybody.

        Raises:
            Untrusted: `version-order` and what `read_preferences` says. Unavailable.
        """
        signed = await _in_force(self._parts)
        return None if signed is None else signed.preferences


async def _change(parts: OpenBureau, change: Callable[[frozenset[Address]], frozenset[Address]]) -> Preferences:
    now, trust = parts.now() // 1000, parts.keeper.trust
    signed = await _in_force(parts)
    before = Preferences(parts.who.address, 0, now, frozenset()) if signed is None else signed.preferences
    refused = change(before.refused)
    if refused == before.refused:
        return before
    following = Preferences(before.owner, before.version + 1, now, refused)
    raw = sign_preferences(following, trust.network.id, trust.signer(parts.keys.signing, now))
    await parts.link.publish(wire.PREFERENCES, raw)
    await parts.store.run(identity.put, {KEPT: raw})
    return following


async def _in_force(parts: OpenBureau) -> SignedPreferences | None:
    """The gateway's newest version, and that it is not older than ours."""
    kept = await parts.store.run(identity.get, KEPT)
    try:
        raw = await parts.link.get(f"{wire.PREFERENCES}/{parts.who.address}")
    except Forbidden as error:
        if error.reason is not Reason.NOT_FOUND or kept is not None:
            raise _older() from None
        return None
    shown = _verified(parts, raw)
    if kept is not None and kept != raw and shown.preferences.version <= _verified(parts, kept).preferences.version:
        raise _older()
    if kept != raw:
        await parts.store.run(identity.put, {KEPT: raw})
    return shown


def _verified(parts: OpenBureau, raw: bytes) -> SignedPreferences:
    trust = parts.keeper.trust
    keys = {entry.key.key_id: entry.key for entry in trust.own.signing}
    signed = read_preferences(raw, trust.network.id, keys)
    if signed.preferences.owner != parts.who.address:
        raise Untrusted(Reason.ADDRESS, "the gateway shows another's refusals for ours")
    return signed


def _older() -> Untrusted:
    return Untrusted(Reason.VERSION_ORDER, "the gateway shows an older version of our refusals than we published")


async def refusing(link: Link, to: Sequence[Address]) -> tuple[str, ...]:
    """Those of `to` that refuse our messages, as the gateway says, unsigned; none where it cannot be asked."""
    try:
        found = json.loads(await link.get(wire.REFUSING))
    except (BureaunetError, ValueError):
        return ()
    names = {str(name) for name in found} if isinstance(found, list) else set()
    return tuple(address for address in to if address in names or address.bureau in names)
