"""The table of attacks: each with its words, the reason code that refuses it, and where that must be recorded.

`plays` fills PLAYS with one function for each attack; test_attacks.py runs them and compares. Places:

    ledger      an entry of the ledger names the message and the reason (admission steps 8 to 12; a recipient's refusal)
    log         the gateway's bounded log has it, and the hourly summary counts it (steps 1 to 7)
    summary     an entry of the ledger counts it for its link
    metrics     the gateway's metrics count the answer: a request that reached no decision about a message
    broker      the broker refuses, and its own log says so
    quarantine  the gateway set the bytes aside for its operator
    aside       the recipient kept it aside: there is nobody to answer
    alarm       the recipient's store keeps the evidence, and its program seals nothing more
    program     the bureau's program raises it and adopts nothing of it; what it sent waits
    authority   the authority's command, or the loading of what it signed, fails: there is no new directory version
    command     the gateway's command fails, and the ledger has no entry of it
    check       `broker check` prints it and exits 1
    console     the console refuses it, its log says so, and neither a session nor a deed came of it
    browser     the answer itself, or its headers, keep the reader's browser from doing it
    code        the source itself: a check of how it is written
    nobody      the peer is not let in: there is nothing that could be recorded of it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from schemas.errors import Reason
from schemas.receipts import Acceptance
from tests.adversary.scene import Scene


class Attack(NamedTuple):
    """One row: what is tried, what refuses it, where that is recorded."""

    name: str
    text: str
    expected: str
    recorded: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of an attack, where the play itself looked up where it is recorded."""

    got: str
    recorded: str


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that the gateway, which is blind, accepted: its recipient's signed refusal is in the ledger."""

    digest: bytes
    party: str


Result: TypeAlias = Seen | Handed | Acceptance
Play: TypeAlias = Callable[[Scene], Awaitable[Result]]
PLAYS: Final[dict[str, Play]] = {}


def play(function: Play) -> Play:
    """Register the play of the attack of its name, with hyphens for underscores."""
    name = getattr(function, "__name__", "").replace("_", "-")
    if name in PLAYS:
        raise ValueError(f"two plays of {name}")
    PLAYS[name] = function
    return function


LEDGER, LOG, METRICS, BROKER, ASIDE, ALARM, NOBODY = "ledger", "log", "metrics", "broker", "aside", "alarm", "nobody"
SUMMARY, QUARANTINE, AUTHORITY, PROGRAM, CODE = "summary", "quarantine", "authority", "program", "code"
COMMAND, CHECK, CONSOLE, BROWSER = "command", "check", "console", "browser"

_SIGNATURES: Final = (
    Attack("forged-signature", "64 random bytes for a signature", Reason.SIGNATURE, LOG),
    Attack("stripped-signature", "no signature at all", Reason.SIGNATURE, LOG),
    Attack("swapped-signature", "the signature of another statement by the same key", Reason.SIGNATURE, LOG),
    Attack("resigned-content", "another bureau's sealed part under a statement of one's own", Reason.UNSEALING, LEDGER),
    Attack("signed-for-another", "one's own statement, signed by another bureau's key", Reason.KEY_UNKNOWN, LOG),
    Attack("recipient-added", "a recipient more in a signed statement", Reason.SIGNATURE, LOG),
    Attack("recipient-removed", "a recipient less in a signed statement", Reason.SIGNATURE, LOG),
    Attack("recipients-reordered", "recipients of a signed statement in another order", Reason.SIGNATURE, LOG),
    Attack("unprotected-header", "a claim where no signature covers it", Reason.UNPROTECTED, LOG),
)
_SEALING: Final = (
    Attack("wrap-missing", "a recipient who is sent no key", Reason.WRAPS, LEDGER),
    Attack("wraps-reordered", "wraps in another order than recipients", Reason.WRAP_KEY, LEDGER),
    Attack("wrap-for-a-stranger", "the wrap of a recipient under another bureau's key", Reason.WRAP_KEY, LEDGER),
    Attack("sealed-part-swapped", "another sealed part than the one signed", Reason.SEALED_HASH, LEDGER),
    Attack("two-keys", "different content keys to different recipients", Reason.UNSEALING, LEDGER),
    Attack(
        "two-contents", "one ciphertext that opens under two keys, a key to each recipient", Reason.COMMITMENT, LEDGER
    ),
    Attack("uncommitted-content", "content that is not the one committed to", Reason.COMMITMENT, LEDGER),
    Attack("wrap-reused", "a co-recipient's wrap, in a message of one's own", Reason.UNSEALING, LEDGER),
    Attack("hidden-channel", "padding that is not zero", Reason.PADDING, LEDGER),
    Attack("downgraded-suite", "a wrap of the suite without post-quantum part", Reason.SUITE, LEDGER),
    Attack("revoked-sealing-key", "sealed to a revoked key of the recipient", Reason.WRAP_KEY, LEDGER),
    Attack("expired-sealing-key", "sealed to an expired key of the recipient", Reason.WRAP_KEY, LEDGER),
)
_REPLAYS: Final = (
    Attack("replay-in-window", "the same submission again: its first receipt, no second effect", "repeated", LEDGER),
    Attack("replay-after-window", "an accepted submission again after it expired", "repeated", LEDGER),
    Attack("late-first-delivery", "a captured submission kept until it expired", Reason.EXPIRED, LEDGER),
    Attack("replay-over-another-link", "another bureau's captured submission", Reason.LINK_IDENTITY, LOG),
    Attack("reused-id", "a message id used for a second message", Reason.ID_REUSED, LEDGER),
    Attack("replay-across-operations", "a signed message moved to another operation", Reason.SIGNATURE, LOG),
    Attack("thread-across-operations", "a thread continued in another operation", Reason.THREAD_UNKNOWN, LEDGER),
    Attack("replay-across-networks", "a message of another network, by the same key", Reason.NETWORK, LOG),
    Attack("receipt-of-another", "a recipient's acknowledgement by another", Reason.LINK_IDENTITY, METRICS),
    Attack("receipt-of-nothing", "an acknowledgement of what was never sent", Reason.NOT_ADDRESSED, METRICS),
)
_KEYS: Final = (
    Attack("revoked-key", "a message signed by a revoked key", Reason.KEY_VOID, LEDGER),
    Attack("expired-key", "a message signed by an expired key", Reason.KEY_NOT_VALID, LEDGER),
    Attack("future-key", "a message signed by a key that is not valid yet", Reason.KEY_NOT_VALID, LEDGER),
    Attack("unlisted-key", "a message signed by a key in no directory", Reason.KEY_UNKNOWN, LOG),
    Attack("gateways-key", "a message signed by the gateway's acceptance key", Reason.KEY_UNKNOWN, LOG),
    Attack("statement-of-another-type", "an acknowledgement's statement as an envelope", Reason.TYP, LOG),
    Attack("algorithm-confusion-mac", "an HMAC under the public key as a signature", Reason.ALGORITHM, LOG),
    Attack("algorithm-confusion-none", "a statement that names no algorithm", Reason.ALGORITHM, LOG),
    Attack("algorithm-confusion-hash", "a header that names another hash", Reason.ALGORITHM, LOG),
    Attack("small-order-key-enrolled", "an enrolment with a signing key of small order", Reason.KEY_WEAK, AUTHORITY),
    Attack("small-order-key-listed", "a directory with a key of small order", Reason.KEY_WEAK, AUTHORITY),
    Attack("small-order-sealing-key", "an enrolment with an X25519 point of small order", Reason.KEY_WEAK, AUTHORITY),
)
_RULES: Final = (
    Attack("suspended-sender", "a message by a suspended bureau", Reason.SENDER_SUSPENDED, LEDGER),
    Attack("non-participant", "a message by a bureau outside the operation", Reason.SENDER_NOT_MEMBER, LEDGER),
    Attack("outside-recipient", "a message to a bureau outside the operation", Reason.RECIPIENT_NOT_MEMBER, LEDGER),
    Attack("exercise-in-real-traffic", "an exercise message in an active operation", Reason.EXERCISE, LEDGER),
    Attack("real-in-training", "a real message in an operation in training", Reason.EXERCISE, LEDGER),
    Attack("closed-operation", "a message in a closed operation", Reason.OPERATION_CLOSED, LEDGER),
    Attack("clock-ahead", "a message from the future", Reason.FUTURE, LEDGER),
    Attack("clock-behind", "a message that has expired", Reason.EXPIRED, LEDGER),
    Attack("immortal-message", "a message that expires in a year", Reason.LIFETIME, LEDGER),
    Attack("purpose-widened", "an answer under another purpose than its query's", Reason.PURPOSE, LEDGER),
    Attack("handling-evaded", "passing on what came under H2", Reason.HANDLING, LEDGER),
    Attack("thread-joined", "joining an exchange of others", Reason.THREAD_PARTIES, LEDGER),
    Attack("kind-not-allowed", "a kind of message that the operation has not", Reason.KIND_NOT_ALLOWED, LEDGER),
    Attack("foreign-operation", "publishing an operation for its owner", Reason.LINK_IDENTITY, METRICS),
)
_RIGHTS: Final = (
    Attack("organisation-asks", "an organisation's query: its row may only answer", Reason.KIND_NOT_ALLOWED, LEDGER),
    Attack("unit-beyond-its-rights", "a border post's result: its row has none", Reason.KIND_NOT_ALLOWED, LEDGER),
    Attack("unit-not-authorised", "a unit that its bureau's row does not list", Reason.KEY_UNKNOWN, LOG),
    Attack("unit-for-its-bureau", "a unit in the name of its bureau", Reason.LINK_IDENTITY, LOG),
    Attack("observer-asks", "a query by an observer of the operation", Reason.SENDER_NOT_MEMBER, LEDGER),
    Attack("auditor-asks", "a query by an auditor of the operation", Reason.SENDER_NOT_MEMBER, LEDGER),
    Attack("auditor-is-sent-to", "a query to an auditor, to show it content", Reason.RECIPIENT_NOT_MEMBER, LEDGER),
    Attack("auditor-reads-content", "an auditor takes receipts and sealed parts", Reason.NOT_FOUND, METRICS),
    Attack("member-not-yet", "a query by a member from tomorrow on", Reason.SENDER_NOT_MEMBER, LEDGER),
    Attack("member-no-more", "a query by a member until yesterday", Reason.SENDER_NOT_MEMBER, LEDGER),
    Attack("handling-not-agreed", "a handling code that the operation has not", Reason.HANDLING, LEDGER),
    Attack("rate-quota", "more messages than a bureau may send", Reason.QUOTA, LEDGER),
    Attack("size-quota", "more bytes than a bureau may send", Reason.QUOTA, LEDGER),
)
_REFUSING: Final = (
    Attack("sender-refused", "a message to somebody who refuses its sender", Reason.SENDER_REFUSED, LEDGER),
    Attack("refused-among-others", "the same, hidden among other recipients", Reason.SENDER_REFUSED, LEDGER),
    Attack("refused-by-its-unit", "the same, from a unit of the sender", Reason.SENDER_REFUSED, LEDGER),
    Attack("refusals-of-another", "publishing whom another refuses", Reason.LINK_IDENTITY, METRICS),
    Attack("refusals-taken-back", "publishing older refusals again", Reason.VERSION_ORDER, METRICS),
    Attack("refusals-read-by-another", "reading whom another refuses", Reason.NOT_FOUND, METRICS),
)
_PEOPLE: Final = (
    Attack("operator-without-request", "a directory loaded on nobody's word", Reason.THRESHOLD, COMMAND),
    Attack("operator-alone", "one operator's request where two are needed", Reason.THRESHOLD, COMMAND),
    Attack("operator-twice", "the same operator approves of his own request", Reason.THRESHOLD, COMMAND),
    Attack("operator-not-listed", "the second is somebody whom nobody listed", Reason.KEY_UNKNOWN, COMMAND),
    Attack("request-for-another-subject", "two operators signed for another file", Reason.SIGNATURE, COMMAND),
    Attack("request-for-another-act", "two operators signed for another act", Reason.SIGNATURE, COMMAND),
    Attack("request-too-old", "two operators signed it eight days ago", Reason.NOT_CURRENT, COMMAND),
    Attack("request-used-twice", "a request that was acted on before", Reason.REQUEST_USED, COMMAND),
    Attack("operators-list-taken-back", "an older list by the authority", Reason.VERSION_ORDER, COMMAND),
    Attack("operators-list-removed", "the list is taken out of the gateway's folder", Reason.THRESHOLD, COMMAND),
    Attack("operator-erases-alone", "one operator's request for an erasure", Reason.THRESHOLD, COMMAND),
    Attack("operators-listed-by-nobody", "a list of operators not by the authority", Reason.KEY_UNKNOWN, COMMAND),
)
_AUTHORITY: Final = (
    Attack("revocation-moved", "a revocation moved to a later index", Reason.KEY_VOID, AUTHORITY),
    Attack("revocation-undone", "a signed version in which a void key is good again", Reason.KEY_VOID, AUTHORITY),
    Attack("revocation-forgotten", "a signed version without the void key", Reason.KEY_VOID, AUTHORITY),
    Attack("withdrawn-resumed", "who was withdrawn resumes", Reason.SENDER_SUSPENDED, AUTHORITY),
    Attack("holder-alone", "one holder of the authority's keys, where two sign", Reason.THRESHOLD, AUTHORITY),
    Attack("holder-twice", "the same holder's part twice", Reason.THRESHOLD, AUTHORITY),
    Attack("holder-misled", "a holder is shown a draft that leaves a version out", Reason.VERSION_ORDER, AUTHORITY),
    Attack("enrolled-again", "somebody enrols under a name that is listed", Reason.ADDRESS, AUTHORITY),
    Attack("rotated-by-a-thief", "a rotation signed by a revoked key", Reason.KEY_VOID, AUTHORITY),
    Attack("unit-enrolled-unauthorised", "a unit enrols without its bureau's word", Reason.ADDRESS, AUTHORITY),
    Attack("unit-authorised-by-another", "a unit enrols on another bureau's word", Reason.ADDRESS, AUTHORITY),
)
_WITNESSES: Final = (
    Attack("witness-signs-a-fork", "a witness signs another tree than the log's", Reason.CHECKPOINT, LOG),
    Attack("witness-signs-for-another", "a witness sends another's line as its own", Reason.LINK_IDENTITY, METRICS),
)
_HOMES: Final = (
    Attack("stolen-home", "a bureau's whole folder, without its passphrase", Reason.MISUSE, NOBODY),
    Attack("token-without-pin", "a bureau's folder and token, without the PIN", Reason.MISUSE, NOBODY),
    Attack("home-without-token", "a bureau's folder and PIN, without the token", Reason.MISUSE, NOBODY),
)
_ENCODING: Final = (
    Attack("cbor-bomb", "an array that claims four billion items", Reason.CBOR_TOO_MANY, LOG),
    Attack("cbor-string-bomb", "a string that claims eight exabytes", Reason.CBOR_TRUNCATED, LOG),
    Attack("deep-nesting", "ten thousand arrays in one another", Reason.CBOR_TOO_DEEP, LOG),
    Attack("duplicate-keys", "a claim twice", Reason.CBOR_DUPLICATE_KEY, LOG),
    Attack("unsorted-keys", "claims in another order", Reason.CBOR_KEY_ORDER, LOG),
    Attack("huge-integer", "a bignum where a time stands", Reason.CBOR_UNSUPPORTED, LOG),
    Attack("longer-spelling", "an integer with a longer head than it needs", Reason.CBOR_NOT_SHORTEST, LOG),
    Attack("trailing-bytes", "bytes after the submission", Reason.CBOR_TRAILING, LOG),
    Attack("unknown-claim", "a claim that nobody defined", Reason.CLAIM_UNKNOWN, LOG),
    Attack("boolean-for-a-time", "true where a time stands", Reason.CLAIM_TYPE, LOG),
    Attack("too-large", "a sealed part above its bound", Reason.SEALED_TOO_LARGE, LOG),
    Attack("compressed-bomb", "a compressed body", Reason.STRUCTURE, METRICS),
    Attack("many-recipients", "257 recipients", Reason.RECIPIENTS, LOG),
)
_INJECTION: Final = (
    Attack("path-in-sender", "../ in the sender's address", Reason.ADDRESS, LOG),
    Attack("terminal-in-recipient", "terminal escapes in a recipient's address", Reason.ADDRESS, LOG),
    Attack("path-in-operation", "../ in the operation's name", Reason.OPERATION_UNKNOWN, LOG),
    Attack("sql-in-operation", "SQL in the operation's name", Reason.OPERATION_UNKNOWN, LOG),
    Attack("sql-in-kind", "SQL in the kind, which may hold any printable character", Reason.KIND_NOT_ALLOWED, LEDGER),
    Attack("log-line-in-kind", "a line break and a false log line in the kind", Reason.CLAIM_TYPE, LOG),
    Attack("terminal-in-kind", "terminal escapes in the kind", Reason.CLAIM_TYPE, LOG),
    Attack("injection-in-codes", "SQL, paths and escapes in every claim that holds a code", Reason.CLAIM_TYPE, LOG),
    Attack("injection-in-type", "SQL in the statement's type", Reason.TYP, LOG),
    Attack("injection-in-content", "terminal escapes in the content's text", Reason.CONTENT_MODEL, LEDGER),
    Attack("injection-in-operations-name", "terminal escapes in an operation's name", Reason.STRUCTURE, METRICS),
    Attack("injection-in-operations-kinds", "terminal escapes in an operation's kinds", Reason.STRUCTURE, METRICS),
    Attack("injection-in-acknowledgement", "a text for a reason in an acknowledgement", Reason.STRUCTURE, METRICS),
    Attack("injection-in-refusals", "terminal escapes in a refused address", Reason.ADDRESS, METRICS),
    Attack("injection-in-headers", "SQL and paths in headers: none is written down", Reason.EXERCISE, LEDGER),
    Attack("injection-in-operators-name", "terminal escapes in an operator's name", Reason.STRUCTURE, COMMAND),
    Attack("injection-in-enrolment", "terminal escapes in the name to be enrolled", Reason.STRUCTURE, AUTHORITY),
    Attack("injection-in-units", "a path for a unit's name in an enrolment", Reason.ADDRESS, AUTHORITY),
    Attack("injection-in-path", "SQL, ../ and escapes in every part of a request's path", Reason.NOT_FOUND, METRICS),
    Attack("injection-in-query", "SQL, ../ and escapes in every parameter", Reason.STRUCTURE, METRICS),
)
_LINKS: Final = (
    Attack("borrowed-link", "a message under another bureau's name", Reason.LINK_IDENTITY, LOG),
    Attack("borrowed-unit", "a message under the name of another's unit", Reason.LINK_IDENTITY, LOG),
    Attack("no-certificate", "a connection without a certificate", "tls", NOBODY),
    Attack("foreign-certificate", "a certificate of another authority", "tls", NOBODY),
    Attack("older-tls", "a connection of TLS 1.2", "tls", NOBODY),
    Attack("nameless-certificate", "a certificate that names no bureau", Reason.LINK_IDENTITY, METRICS),
    Attack("withdrawn-bureau", "the certificate of a bureau that was withdrawn", Reason.LINK_IDENTITY, METRICS),
    Attack("anothers-inbox", "asking for what waits for another", "nothing", METRICS),
    Attack("anothers-messages", "receipts, entries and sealed parts of others", Reason.NOT_FOUND, METRICS),
    Attack("slow-header", "a request header that never ends", "cut-off", NOBODY),
    Attack("slow-body", "a request body that never ends", Reason.TIMEOUT, METRICS),
    Attack("header-smuggling-both", "both Content-Length and Transfer-Encoding", "400", NOBODY),
    Attack("header-smuggling-twice", "two lengths of one body", "400", NOBODY),
    Attack("header-smuggling-folded", "a header continued on the next line", "400", NOBODY),
    Attack("identity-header", "headers that claim another identity", Reason.LINK_IDENTITY, LOG),
    Attack("connection-flood", "more connections than a link may have", Reason.LINK_QUOTA, METRICS),
)
_BROKERS: Final = (
    Attack("broker-anothers-inbox", "reading another's queue", "access-refused", BROKER),
    Attack("broker-anothers-exchange", "publishing through another's exchange", "access-refused", BROKER),
    Attack("broker-past-admission", "publishing to the delivery exchange", "access-refused", BROKER),
    Attack("broker-declare", "declaring a queue", "access-refused", BROKER),
    Attack("broker-bind", "binding one's inbox to another's mail", "access-refused", BROKER),
    Attack("broker-purge", "purging another's queue", "access-refused", BROKER),
    Attack("broker-delete", "deleting a queue", "access-refused", BROKER),
    Attack("broker-user-id", "publishing in another user's name", "precondition-failed", BROKER),
    Attack("broker-without-name", "publishing without a user's name", Reason.LINK_IDENTITY, QUARANTINE),
    Attack("broker-borrowed-sender", "another's message through one's own exchange", Reason.LINK_IDENTITY, LOG),
    Attack("broker-garbage", "bytes that are no message", Reason.CBOR_TRUNCATED, QUARANTINE),
    Attack("broker-foreign-certificate", "a certificate of another authority", "tls", NOBODY),
    Attack("broker-password", "a password instead of a certificate", "refused", NOBODY),
    Attack("administrator-unadmitted", "the administrator puts a message into an inbox", Reason.KEY_UNKNOWN, ASIDE),
    Attack("administrator-refitted-receipt", "the same, a true receipt changed", Reason.INCLUSION, ASIDE),
    Attack("administrator-other-receipt", "the same, with another's true receipt", Reason.NOT_ACCEPTED, ASIDE),
    Attack("administrator-refused", "the same, with the receipt of its refusal", Reason.NOT_ACCEPTED, ASIDE),
    Attack("administrator-first", "a false copy ahead of the true one: the true one arrives", "processed", LEDGER),
    Attack("broker-extra-user", "a user more", "extra users", CHECK),
    Attack("broker-wider-permission", "a bureau may write and read everything", "changed permissions", CHECK),
    Attack("broker-changed-policy", "a queue that forgets", "changed policies", CHECK),
    Attack("broker-removed-queue", "an inbox is gone", "missing bindings, missing queues", CHECK),
    Attack("broker-extra-binding", "a queue that gets copies", "extra bindings, extra queues", CHECK),
    Attack("broker-drift-mended-untold", "drift that is mended only when told", "repaired", CHECK),
)
_FLOODS: Final = (
    Attack("submission-flood", "more submissions than a link may make", Reason.LINK_QUOTA, LOG),
    Attack("ledger-flood", "filling the ledger with refusals", Reason.SENDER_NOT_MEMBER, SUMMARY),
)
_GATEWAY: Final = (
    Attack("key-slipped-in", "the gateway serves a directory of its own making", Reason.KEY_UNKNOWN, PROGRAM),
    Attack("key-of-ours-slipped-in", "a directory lists a key for us that we did not make", Reason.KEY_UNKNOWN, ALARM),
    Attack("directory-rolled-back", "the gateway serves an older directory as the next", Reason.VERSION_ORDER, ALARM),
    Attack("directory-frozen", "the gateway serves yesterday's word on what is current", Reason.NOT_CURRENT, PROGRAM),
    Attack("split-view", "the gateway shows another ledger than before", Reason.CONSISTENCY, ALARM),
    Attack("forged-operation", "the gateway serves an operation its owner did not sign", Reason.KEY_UNKNOWN, PROGRAM),
    Attack("forged-receipt", "a receipt by a key that is not the gateway's", Reason.UNREACHABLE, PROGRAM),
    Attack("receipt-by-another-use", "a receipt by the gateway's key for another use", Reason.UNREACHABLE, PROGRAM),
    Attack("current-by-another-use", "what is current, by the key for receipts", Reason.KEY_UNKNOWN, PROGRAM),
    Attack("timing", "learning a secret from the time of its comparison", "compare-digest", CODE),
)
_CONSOLE: Final = (
    Attack("console-without-session", "every page by its address, without signing in", "sign-in", NOBODY),
    Attack("console-beyond-role", "every page and act by its address, beyond each role", "forbidden", CONSOLE),
    Attack("console-forged-form", "a form from another site, or with another session's token", "forged", CONSOLE),
    Attack("console-foreign-events", "live events and lists for a page of elsewhere", "forged", CONSOLE),
    Attack("console-foreign-sign-in", "signing the operator in as somebody else, from another site", "forged", CONSOLE),
    Attack("console-planted-session", "a session that was in the browser before the sign-in", "sign-in", NOBODY),
    Attack("console-stolen-then-left", "a stolen cookie, after its owner signed out", "sign-in", NOBODY),
    Attack("console-stolen-then-changed", "a stolen cookie, after the password was changed", "sign-in", NOBODY),
    Attack("console-garbled-cookie", "cookies that are no text, endless, or SQL", "sign-in", NOBODY),
    Attack("console-guessing", "guessing one account's password: the right one comes too soon", "refused", CONSOLE),
    Attack("console-spraying", "one password for many accounts, from one address", "refused", CONSOLE),
    Attack("console-who-is-there", "finding out who has an account, by answer or time", "same", CONSOLE),
    Attack("console-open-redirect", "being led elsewhere by signing in", "/console/", BROWSER),
    Attack("console-rebound-host", "another name that leads here (DNS rebinding)", "host", CONSOLE),
    Attack("console-framed", "the console in a frame, or with script from elsewhere", "forbidden", BROWSER),
    Attack("console-stored-script", "script in an operation's name, a reason, and a search", "escaped", BROWSER),
    Attack("console-false-notice", "words of one's own as if the console said them, by a link", "nothing", BROWSER),
    Attack("console-formula", "a formula for the spreadsheet that opens a list", "text", BROWSER),
    Attack("console-decides-alone", "a discard on one operator's word, brought twice", "kept", CONSOLE),
    Attack("console-decides-again", "a second discard on two operators' word for one", "kept", CONSOLE),
    Attack("console-endless-form", "an endless form of somebody who is not signed in", "too-large", NOBODY),
)
_ISSUER: Final = (
    Attack("openid-other-browser", "a code and state of another browser's sign-in", "state", CONSOLE),
    Attack("openid-planted-code", "the victim's code in the thief's own way back", "code", CONSOLE),
    Attack("openid-replayed-code", "a code that was used", "code", CONSOLE),
    Attack("openid-replayed-word", "the same way back twice, by a provider that allows it", "replayed", CONSOLE),
    Attack("openid-mix-up", "the way back from another provider", "mix-up", CONSOLE),
    Attack("openid-nonce", "an ID token of another sign-in", "nonce", CONSOLE),
    Attack("openid-audience", "an ID token for another client", "audience", CONSOLE),
    Attack("openid-issuer", "an ID token of another issuer", "issuer", CONSOLE),
    Attack("openid-unsigned", "an ID token with the algorithm none", "algorithm", CONSOLE),
    Attack("openid-hmac", "an ID token by HMAC, with the public key for the secret", "algorithm", CONSOLE),
    Attack("openid-other-key", "an ID token by a key that is not the provider's", "signature", CONSOLE),
    Attack("openid-expired", "an ID token whose time is over", "time", CONSOLE),
    Attack("openid-takeover", "an account of ours, by its name and an address of mail", "name-taken", CONSOLE),
    Attack("openid-role", "the role in a claim that gives none", "no-role", CONSOLE),
    Attack("openid-password", "the provider's account by a password, also none", "refused", CONSOLE),
)
ATTACKS: Final = (
    *_SIGNATURES,
    *_SEALING,
    *_REPLAYS,
    *_KEYS,
    *_RULES,
    *_RIGHTS,
    *_REFUSING,
    *_PEOPLE,
    *_AUTHORITY,
    *_WITNESSES,
    *_HOMES,
    *_ENCODING,
    *_INJECTION,
    *_LINKS,
    *_BROKERS,
    *_FLOODS,
    *_GATEWAY,
    *_CONSOLE,
    *_ISSUER,
)
