"""Vectors of decisions: admission (protocol section 3) and a recipient's checks (section 4), with their facts.

Each names its step or check in `shows`. Facts that a vector does not give are those of `context.json`: the first
directory and operation, nothing seen, nothing spent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from schemas.claims import Header, to_claims
from schemas.codes import Answer, Handling, Purpose
from schemas.directory import Directory, ParticipantKind, SealingEntry, SigningEntry, State, Validity, sign_directory
from schemas.envelope import Envelope, commitment, pad
from schemas.errors import Reason
from schemas.evidence import Event
from schemas.identity import Address, Signer
from schemas.operation import Member, Operation, Phase, Role, sign_operation
from schemas.preferences import Preferences, sign_preferences
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import InboxItem, ItemType, encode_submission
from tests.world import (
    ACCEPTANCE,
    AR,
    AUTHORITY,
    BR,
    CONTENT,
    FR,
    IPSG,
    NOW,
    OPERATION,
    RESPONSE,
    first_directory,
    first_operation,
    sealing,
    seed,
    signing,
)
from tools.vectors.scene import Json, Scene, Vector, repeated

_NEVER = Validity(0, 1)
_DIGEST = seed("digest").hex()


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them."""
    made = _Admission(scene)
    yield from made.early()
    yield from made.clock_and_keys()
    yield from made.sealed()
    yield from made.operation()
    yield from made.threads()
    yield from _Recipient(scene).all()


def _directory(scene: Scene, row: Address, **changes: object) -> str:
    first = first_directory()
    rows = tuple(
        replace(one, **changes) if one.address == row else one  # type: ignore[arg-type]  # the caller names the fields
        for one in first.participants
    )
    return _signed(scene, replace(first, participants=rows))


def _signed(scene: Scene, version: Directory) -> str:
    return sign_directory(version, [AUTHORITY], scene.network).hex()


def _auditing(members: tuple[Member, ...], address: Address) -> tuple[Member, ...]:
    return tuple(replace(one, role=Role.AUDITOR) if one.address == address else one for one in members)


def _signing(validity: Validity) -> tuple[SigningEntry, ...]:
    return (SigningEntry(signing(FR).public, validity),)


class _Admission:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._plain = scene.seal(scene.header())

    def _vector(
        self, name: str, says: str, step: int, outcome: str, sent: Envelope | None = None, **facts: Json
    ) -> Vector:
        body: Json = encode_submission(sent or self._plain).hex()
        given: dict[str, Json] = {"link": "FR", "body": body, "now": NOW * 1000, "size": 10, **facts}
        return Vector(f"admission/{name}", says, "admission", given, outcome, {"step": step} if step else None)

    def _claims(
        self, name: str, says: str, step: int, outcome: str, facts: Mapping[str, Json] | None = None, **changes: object
    ) -> Vector:
        return self._vector(name, says, step, outcome, self._scene.seal(self._scene.header(**changes)), **(facts or {}))

    def early(self) -> Iterator[Vector]:
        """Steps 1 to 8."""
        scene, plain = self._scene, self._plain
        yield self._vector("ok", "a query to two members", 0, "ok")
        unit = scene.header(iss=Address("FR/desk"))
        served = _directory(scene, FR, units=("desk",))
        yield self._vector(
            "ok-unit", "a unit that its bureau lists", 0, "ok", scene.seal(unit, by=signing(FR)), directory=served
        )
        yield self._vector("link-quota", "the link sent too much", 1, "link-quota", within_quota=False)
        big = repeated(0, 10_502_305)
        yield self._vector("size", "more than any submission", 2, "sealed-too-large", body=big)
        statement = Envelope(bytes(16_385), b"")
        yield self._vector("statement-size", "a statement too large", 2, "statement-too-large", statement)
        yield self._vector("garbage", "no CBOR", 3, "cbor-trailing", body="00ff")
        yield self._vector("framing", "one byte string", 3, "structure", body="8140")
        yield self._vector("link-identity", "over another bureau's link", 4, "link-identity", link="BR")
        yield self._claims("network", "another network's", 4, "network", net=bytes(32))
        again = {plain.digest.hex(): "ok"}
        yield self._vector("repeated", "the same digest again: its first outcome", 5, "repeated", decided=again)
        stranger = scene.seal(scene.header(), by=signing("stranger"))
        yield self._vector("key-unknown", "a key that nobody has", 6, "key-unknown", stranger)
        another = scene.seal(scene.header(), by=signing(BR))
        yield self._vector("key-of-another", "another bureau's key", 6, "key-unknown", another)
        forged = Envelope(plain.statement[:-1] + bytes((plain.statement[-1] ^ 1,)), plain.sealed)
        yield self._vector("signature", "one bit of the signature changed", 7, "signature", forged)
        used: Json = [["FR", scene.header().cti.hex(), _DIGEST]]
        yield self._vector("id-reused", "an id that another message has", 8, "id-reused", ids=used)

    def clock_and_keys(self) -> Iterator[Vector]:
        """Steps 9 and 10."""
        scene = self._scene
        yield self._claims("expired", "it expires this second", 9, "expired", iat=NOW - 60, exp=NOW)
        limits: dict[str, Json] = {"limits": {"clock_skew_seconds": 120, "max_lifetime_seconds": 86_400}}
        for name, says, iat, step, outcome in (
            ("ok-skew", "the sender's clock is as far ahead as may be", NOW + 120, 0, "ok"),
            ("future", "and a second", NOW + 121, 9, "future"),
            ("lifetime", "it would live a day and a second", NOW - 1, 9, "lifetime"),
        ):
            yield self._claims(name, says, step, outcome, limits, iat=iat)
        ended = _directory(scene, FR, signing=_signing(Validity(NOW - 100, NOW)))
        yield self._vector("key-not-valid", "the key's time is over", 10, "key-not-valid", directory=ended)
        begun = _directory(scene, FR, signing=_signing(Validity(NOW + 1, NOW + 100)))
        yield self._vector("key-too-early", "the key's time has not come", 10, "key-not-valid", directory=begun)
        void = _directory(scene, FR, signing=_signing(Validity(0, NOW * 2, void_from=10)))
        yield self._vector("key-void", "the key is void from this index on", 10, "key-void", directory=void)
        later = _directory(scene, FR, signing=_signing(Validity(0, NOW * 2, void_from=11)))
        yield self._vector("ok-not-yet-void", "and from the next on", 0, "ok", directory=later)
        suspended = _directory(scene, FR, state=State.SUSPENDED)
        yield self._vector("suspended", "the sender is suspended", 10, "sender-suspended", directory=suspended)

    def sealed(self) -> Iterator[Vector]:
        """Step 11."""
        scene, plain = self._scene, self._plain
        part = plain.sealed or b""
        bent = Envelope(plain.statement, part[:-1] + bytes((part[-1] ^ 1,)))
        yield self._vector("sealed-hash", "another sealed part", 11, "sealed-hash", bent)
        one = scene.seal(scene.header(), keys=[scene.key(BR)])
        yield self._vector("wraps", "one wrap for two recipients", 11, "wraps", one)
        classic = scene.seal(scene.header(), keys=scene.keys(scene.header(), 50))
        yield self._vector("suite", "HPKE-4-KE: without post-quantum", 11, "suite", classic)
        other = scene.seal(scene.header(), keys=[scene.key(BR), scene.key(IPSG)])
        yield self._vector("wrap-key", "a wrap for somebody else", 11, "wrap-key", other)
        over = _directory(scene, AR, sealing=(SealingEntry(sealing(AR).public, _NEVER),))
        yield self._vector("wrap-key-over", "a sealing key whose time is over", 11, "wrap-key", directory=over)

    def operation(self) -> Iterator[Vector]:
        """Step 12, without threads."""
        scene = self._scene
        stranger = Address("ZZ")
        to_nobody = scene.seal(scene.header(aud=(stranger,)))

        def version(**changes: object) -> Operation:
            return replace(first_operation(), **changes)  # type: ignore[arg-type]  # the caller names the fields

        def signed(changed: Operation) -> str:
            return sign_operation(changed, scene.net, signing(IPSG)).hex()

        members = first_operation().members
        asks, receives = (_auditing(members, address) for address in (FR, BR))
        yield self._claims("operation-unknown", "no such operation", 12, "operation-unknown", sub="infra-am-2012")
        for name, says, outcome, changed in (
            ("operation-closed", "the operation is closed", "operation-closed", version(phase=Phase.CLOSED)),
            ("exercise", "a real message in training", "exercise", version(phase=Phase.TRAINING)),
            ("not-member", "the sender is no member", "sender-not-member", version(members=members[:3])),
            ("from-auditor", "the sender is an auditor", "sender-not-member", version(members=asks)),
            ("to-auditor", "a recipient is an auditor", "recipient-not-member", version(members=receives)),
            (
                "to-no-member",
                "a recipient is no member",
                "recipient-not-member",
                version(members=members[::3] + members[1:2]),
            ),
            ("kind", "a kind that it does not have", "kind-not-allowed", version(kinds=(RESPONSE,))),
            ("handling", "a handling that it does not have", "handling", version(handling=(Handling.H1,))),
            ("purpose", "a purpose that it does not have", "purpose", version(purposes=(Purpose.LOCATION,))),
        ):
            yield self._vector(name, says, 12, outcome, operation=signed(changed))
        says = "a recipient that the directory does not list"
        denied = _directory(self._scene, FR, kind=ParticipantKind.ORGANISATION)
        yield self._vector("kind-organisation", "an organisation asks", 12, "kind-not-allowed", directory=denied)
        group = "network.group/1"
        says_group = scene.seal(scene.header(kind=group))
        listing = signed(version(kinds=(*first_operation().kinds, group)))
        reserved = "a bureau publishes a group, as the secretariat alone may"
        yield self._vector("kind-reserved", reserved, 12, "kind-not-allowed", says_group, operation=listing)
        yield self._vector("recipient-unknown", says, 12, "recipient-unknown", to_nobody)
        told = Preferences(AR, 1, NOW, frozenset({FR}))
        refusals = [sign_preferences(told, scene.net, signing(AR)).hex()]
        says = "a recipient refuses this sender"
        yield self._vector("sender-refused", says, 12, "sender-refused", preferences=refusals)
        spent, limits = {"FR": 7}, {"bureau_per_minute": 7}
        yield self._vector(
            "quota", "one more than the bureau may send in a minute", 12, "quota", spent=spent, limits=limits
        )

    def threads(self) -> Iterator[Vector]:
        """Step 12, answers: they stay within their exchange."""
        opening = seed("digest")
        plain: dict[str, Json] = {
            "operation": OPERATION,
            "exercise": False,
            "purpose": "arrest",
            "handling": "H0",
            "sender": "FR",
            "recipients": ["AR", "BR"],
            "thread": _DIGEST,
        }

        def answer(name: str, says: str, outcome: str, thread: Mapping[str, Json], **changes: object) -> Vector:
            claims: dict[str, object] = {"iss": BR, "aud": (FR,), "kind": RESPONSE, "reply_by": None}
            claims |= {"thread": opening, "re": opening, "answer": Answer.FINAL, **changes}
            facts: dict[str, Json] = {"link": "BR", "threads": {_DIGEST: thread} if thread else {}}
            return self._claims(name, says, 12 if outcome != "ok" else 0, outcome, facts, **claims)

        yield answer("ok-answer", "a recipient answers", "ok", plain)
        yield answer("thread-unknown", "an answer to nothing", "thread-unknown", {})
        yield answer("thread-purpose", "an answer for another purpose", "purpose", plain, purpose=Purpose.LOCATION)
        yield answer("thread-parties", "an answer to a third party", "thread-parties", plain, aud=(FR, IPSG))
        yield answer("thread-passed-on", "and under H2", "handling", {**plain, "handling": "H2"}, aud=(IPSG,))
        yield answer("thread-intruder", "an answer by no recipient", "thread-parties", {**plain, "recipients": ["AR"]})
        yield answer("thread-exercise", "an answer from an exercise", "exercise", {**plain, "exercise": True})


class _Recipient:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def _vector(
        self,
        name: str,
        says: str,
        check: int,
        outcome: str,
        sent: Envelope | None = None,
        *,
        by: Signer = ACCEPTANCE,
        event: Event = Event.SUBMISSION_ACCEPTANCE,
        of: bytes | None = None,
        **facts: Json,
    ) -> Vector:
        envelope = sent or self._scene.seal(self._scene.header())
        reason = None if event is Event.SUBMISSION_ACCEPTANCE else Reason.EXPIRED
        said = Acceptance(of or envelope.digest, event, 4, NOW * 1000, reason)
        receipt = sign_acceptances([said], self._scene.net, by)[0]
        item = InboxItem(5, ItemType.ENVELOPE, receipt, envelope.statement, envelope.sealed)
        given: dict[str, Json] = {"to": "BR", "item": item.encode().hex(), **facts}
        return Vector(f"recipient/{name}", says, "recipient", given, outcome, {"check": check} if check else None)

    def all(self) -> Iterator[Vector]:
        """Checks 1 to 10."""
        scene = self._scene
        plain = scene.header()
        yield self._vector("ok", "a query to Brazil", 0, "ok")
        yield self._vector("acceptance-key", "an acceptance by no gateway", 1, "key-unknown", by=signing(FR))
        yield self._vector("not-accepted", "another message's acceptance", 1, "not-accepted", of=bytes(32))
        yield self._vector("refused", "a refusal's receipt", 1, "not-accepted", event=Event.SUBMISSION_REJECTION)
        yield self._vector("network", "another network's", 2, "network", scene.seal(scene.header(net=bytes(32))))
        yield self._vector(
            "sender-key", "a key that is not the sender's", 3, "key-unknown", scene.seal(plain, by=signing(AR))
        )
        good = scene.seal(plain)
        forged = Envelope(good.statement[:-1] + bytes((good.statement[-1] ^ 1,)), good.sealed)
        yield self._vector("signature", "one bit of the signature changed", 4, "signature", forged)
        yield self._vector("not-addressed", "addressed to others", 5, "not-addressed", to="IPSG")
        says = "an operation that the recipient does not know"
        yield self._vector("operation", says, 6, "operation-unknown", scene.seal(scene.header(sub="infra-am-2012")))
        seen: Json = [["FR", plain.cti.hex(), _DIGEST]]
        yield self._vector("id-reused", "an id that another message has", 7, "id-reused", seen=seen)
        other = scene.seal(plain, keys=[scene.key(AR), scene.key(IPSG)])
        yield self._vector("no-wrap", "sealed to others", 8, "unsealing", other)
        yield self._vector(
            "commitment", "other content than was committed to", 9, "commitment", self._uncommitted(plain)
        )
        for name, says, content, outcome in (
            ("kind", "content that is no query", b'{"finding":"no-trace"}', "content-model"),
            ("not-json", "content that is no JSON", b"hello", "content-not-json"),
            ("duplicate", "a name twice", b'{"case":"A-1","case":"A-2"}', "content-duplicate-name"),
            ("number", "no number", b'{"asked":["status"],"case":NaN}', "content-number"),
        ):
            yield self._vector(name, says, 10, outcome, scene.seal(plain, content))

    def _uncommitted(self, claims: Header) -> Envelope:
        scene, signer, salt = self._scene, signing(FR), seed("salt/vectors")
        protected = scene.protected(to_claims(claims.with_commit(commitment(salt, b"{}"))), signer)
        return scene.sign(protected, scene.sealed(protected, scene.keys(claims), pad(salt, CONTENT)), signer)
