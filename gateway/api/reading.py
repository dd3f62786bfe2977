"""What bureaus look up over HTTP: statements in force, outcomes, proofs, entries, sealed parts.

Rules: directory, operations, checkpoints and proofs are for every participant; an acceptance, an entry and a sealed
part are for the parties of their message alone, refusals for whom they are of; whoever is not one learns only that
there is nothing for them.
Bytes are given as they were received or signed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web

from gateway.api import tiles
from gateway.api.openapi import document
from gateway.api.problems import RETRY_SECONDS, Refused, missing
from gateway.api.requests import LINK, asked, digest, number
from gateway.ports import Clock, MessageRow, Store
from schemas import cbor, wire
from schemas.errors import Reason
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from schemas.notes import read_body
from schemas.operation import Operation, Role, claimed
from schemas.preferences import claimed_by
from schemas.receipts import Proof

PUBLIC_EVENTS: Final = frozenset({Event.DIRECTORY_UPDATED, Event.OPERATION_UPDATED, Event.OPERATOR_ACTION})
"""Entries that are nobody's message."""


class Proofs(Protocol):
    """What proves: `gateway.ledger`."""

    async def note(self) -> str | None:
        """The newest published checkpoint."""

    async def tile(self, level: int, index: int, width: int) -> bytes | None:
        """The first hashes of a tile; None while no checkpoint covers so many."""

    async def tlog_proof(self, index: int) -> Proof | None:
        """The proof of an entry under the newest checkpoint; None while none covers it."""

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """The path between two sizes of the tree.

        Raises:
            Untrusted: `consistency`, there are no such trees.
        """


class Versions:
    """Directory and operation versions as they stand in the ledger, read once and kept: they never change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._directories: list[tuple[int, bytes]] = []
        self._operations: dict[str, list[tuple[int, bytes]]] = {}
        self._newest: dict[str, Operation] = {}
        self._seen = -1
        self._preferences: dict[str, bytes] = {}
        self._preferred = -1

    async def directories(self) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) by version, from 1."""
        after = self._directories[-1][0] if self._directories else -1
        for index, raw in await self._store.directories(after):
            if not self._directories or index > self._directories[-1][0]:  # another request may have added it meanwhile
                self._directories.append((index, raw))
        return self._directories

    async def operations(self) -> dict[str, list[tuple[int, bytes]]]:
        """(ledger index, bytes) by version, from 1, of each operation."""
        for index, raw in await self._store.operations(self._seen):
            if index > self._seen:
                operation = claimed(raw)
                self._newest[operation.id] = operation
                self._operations.setdefault(operation.id, []).append((index, raw))
                self._seen = index
        return self._operations

    async def operation(self, name: str) -> Operation | None:
        """The newest version of an operation, as its owner signed it."""
        await self.operations()
        return self._newest.get(name)

    async def preferences(self) -> dict[str, bytes]:
        """The newest refusals of each participant, by address."""
        for index, raw in await self._store.preferences(self._preferred):
            if index > self._preferred:
                self._preferences[str(claimed_by(raw))] = raw
                self._preferred = index
        return self._preferences


class ReadingApi:
    """Handlers of what bureaus look up."""

    def __init__(self, store: Store, proofs: Proofs, clock: Clock) -> None:
        self._store = store
        self._proofs = proofs
        self._clock = clock
        self._versions = Versions(store)
        self._openapi = json.dumps(document()).encode()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        handlers = {
            wire.DIRECTORY: self.directory,
            wire.CURRENT: self.current,
            f"{wire.DIRECTORY}/{{version}}": self.directory_version,
            f"{wire.DIRECTORY}/{{version}}/{wire.DIRECTORY_PROOF}": self.directory_proof,
            wire.OPERATIONS: self.operations,
            f"{wire.OPERATIONS}/{{id}}": self.operation,
            f"{wire.PREFERENCES}/{{code}}": self.preferences,
            f"{wire.PREFERENCES}/{{code}}/{{unit}}": self.preferences,
            f"{wire.ACCEPTANCES}/{{digest}}": self.acceptance,
            f"{wire.PROOFS}/{{index}}": self.proof,
            f"{wire.ENTRIES}/{{index}}": self.entry,
            wire.CHECKPOINT: self.checkpoint,
            f"{wire.CONSISTENCY}/{{old}}/{{new}}": self.consistency,
            f"{wire.TILE}/{{level}}/{{tile:.+}}": self.tile,
            f"{wire.SEALED}/{{digest}}": self.sealed,
            wire.OPENAPI: self.openapi,
        }
        return [web.get(path, handler, allow_head=False) for path, handler in handlers.items()]

    async def directory(self, _request: web.Request) -> web.Response:
        """GET /v1/directory: the newest version."""
        versions = await self._versions.directories()
        if not versions:
            raise missing("there is no directory yet", retry_after=RETRY_SECONDS)
        return _cose(versions[-1][1])

    async def directory_version(self, request: web.Request) -> web.Response:
        """GET /v1/directory/{version}."""
        return _cose(_version(await self._versions.directories(), number(request, "version"))[1])

    async def directory_proof(self, request: web.Request) -> web.Response:
        """GET /v1/directory/{version}/proof: the version's entry, and the proof that it is in the ledger."""
        index, _ = _version(await self._versions.directories(), number(request, "version"))
        leaves, proof = await self._store.leaves(index, index + 1), await self._proofs.tlog_proof(index)
        if proof is None or not leaves:
            raise missing("no checkpoint covers this version yet", retry_after=RETRY_SECONDS)
        return _cbor(cbor.encode([leaves[0].entry, proof.format()]))

    async def current(self, _request: web.Request) -> web.Response:
        """GET /v1/directory/current: which version is current, signed."""
        statement = await self._store.current()
        if statement is None:
            raise missing("no statement of the current version yet", retry_after=RETRY_SECONDS)
        return _cose(statement)

    async def operations(self, _request: web.Request) -> web.Response:
        """GET /v1/operations: the newest version of each."""
        found = await self._versions.operations()
        rows = [{"id": name, "version": len(all_), "index": all_[-1][0]} for name, all_ in sorted(found.items())]
        return web.json_response(rows)

    async def operation(self, request: web.Request) -> web.Response:
        """GET /v1/operations/{id}?version=N: the newest, or one."""
        versions = (await self._versions.operations()).get(request.match_info["id"], [])
        return _cose(_version(versions, asked(request, "version", len(versions)))[1])

    async def preferences(self, request: web.Request) -> web.Response:
        """GET /v1/preferences/{code}[/{unit}]: the newest refusals of a participant that the link covers."""
        owner = "/".join(filter(None, (request.match_info["code"], request.match_info.get("unit"))))
        raw = (await self._versions.preferences()).get(owner)
        if raw is None or not request[LINK].covers(claimed_by(raw)):
            raise missing("no refusals of such a participant for you")
        return _cose(raw)

    async def acceptance(self, request: web.Request) -> web.Response:
        """GET /v1/acceptances/{digest}: the first outcome, to its parties."""
        row = await self._store.message(digest(request, "digest"))
        if row is None or not _is_party(request[LINK], row):
            raise missing("no outcome of such a message for you")
        return _cbor(row.receipt)

    async def proof(self, request: web.Request) -> web.Response:
        """GET /v1/proofs/{index}: a tlog-proof, once a checkpoint covers the entry."""
        index = number(request, "index")
        proof = await self._proofs.tlog_proof(index)
        if proof is None:
            soon = index < await self._store.size()
            raise missing("no checkpoint covers this entry", retry_after=RETRY_SECONDS if soon else None)
        return _note(proof.format())

    async def entry(self, request: web.Request) -> web.Response:
        """GET /v1/entries/{index}: an entry's bytes, to its parties, and to its operation's owner and auditors."""
        index = number(request, "index")
        leaves = await self._store.leaves(index, index + 1)
        if not leaves or not await self._may_read(request[LINK], read_entry(leaves[0].entry)):
            raise missing("no such entry for you")
        return _cbor(leaves[0].entry)

    async def checkpoint(self, _request: web.Request) -> web.Response:
        """GET /v1/checkpoint: the newest one."""
        note = await self._proofs.note()
        if note is None:
            raise missing("no checkpoint yet", retry_after=RETRY_SECONDS)
        return _note(note)

    async def consistency(self, request: web.Request) -> web.Response:
        """GET /v1/consistency/{old}/{new}: CBOR array of hashes."""
        old, new = number(request, "old"), number(request, "new")
        note = await self._proofs.note()
        if note is None or new > read_body(note)[0].size:
            raise missing("no checkpoint is as large as that", retry_after=RETRY_SECONDS)
        if not 0 < old <= new:
            raise Refused(HTTPStatus.BAD_REQUEST, Reason.CONSISTENCY, "sizes are above 0 and the old one is not larger")
        return _cbor(cbor.encode(list(await self._proofs.consistency(old, new))))

    async def tile(self, request: web.Request) -> web.Response:
        """GET /v1/tile/{level}/{tile}: hashes of the tree, as C2SP tlog-tiles; kept by whoever asked, for ever."""
        level, index, width = tiles.parse(request.match_info["level"], request.match_info["tile"])
        hashes = await self._proofs.tile(level, index, width)
        if hashes is None:
            raise missing("no checkpoint covers this tile")
        headers = {"Cache-Control": tiles.KEPT}
        return web.Response(body=hashes, content_type=wire.TILE_TYPE, headers=headers)

    async def sealed(self, request: web.Request) -> web.Response:
        """GET /v1/sealed/{digest}: a sealed part by its SHA-256, to its parties."""
        body = await self._store.sealed(digest(request, "digest"), request[LINK])
        if body is None:
            raise missing("no such sealed part for you")
        return _cose(body)

    async def openapi(self, _request: web.Request) -> web.Response:
        """GET /v1/openapi.json."""
        return web.Response(body=self._openapi, content_type="application/json")

    async def _may_read(self, link: Address, entry: Entry) -> bool:
        if entry.event in PUBLIC_EVENTS or (entry.party is not None and link.covers(entry.party)):
            return True
        if entry.operation is not None and await self._audits(link, entry.operation):
            return True
        row = None if entry.digest is None else await self._store.message(entry.digest)
        return row is not None and _is_party(link, row)

    async def _audits(self, link: Address, operation: str) -> bool:
        """Whether a link speaks for the operation's owner, or for one who is its auditor now."""
        current = await self._versions.operation(operation)
        if current is None:
            return False
        member = current.member(link, self._clock.now() // 1000)
        return link.covers(current.owner) or (member is not None and member.role is Role.AUDITOR)


def _is_party(link: Address, row: MessageRow) -> bool:
    if link.covers(row.sender):
        return True
    return row.accepted and any(link.covers(recipient) for recipient in row.recipients)


def _version(versions: Sequence[tuple[int, bytes]], version: int) -> tuple[int, bytes]:
    """(ledger index, bytes)."""
    if not 1 <= version <= len(versions):
        raise missing("there is no such version")
    return versions[version - 1]


def _cose(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=wire.COSE_TYPE)


def _cbor(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=wire.CBOR_TYPE)


def _note(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain", charset="utf-8")
