"""What a broker loads for a directory: users, rights, exchanges, queues, bindings and policies (docs: the broker).

    submit.<B>   direct, keys `routine` and `urgent`, to the gateway's two queues of what <B> submits; only <B> may
                 publish to it, and what it sends too much of fills its own queues alone
    deliver      direct, key = queue name, to the inboxes and the probe; only the gateway may publish to it
    dlx, dead    where a broker puts what it could not deliver

Rules: pure, a directory in and definitions out, sorted, so that the same directory gives the same bytes. Every queue is
a quorum queue whose only argument says so; what may be tuned is in policies, since a broker ignores changed arguments.
Importing adds and changes and never removes: a participant that withdrew keeps its user, with no rights; deleting that
user ends its open connections too. Every field that a broker writes is given: it drops an entry that lacks one, without
a word.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import JsonValue

from gateway.certificates import GATEWAY_NAME
from schemas.codes import Urgency
from schemas.directory import Directory, Link, State
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.wire import (
    EXCHANGE_DEAD,
    EXCHANGE_DELIVER,
    QUEUE_DEAD,
    QUEUE_PROBE,
    inbox_queue,
    submissions_queue,
    submit_exchange,
)

Entry: TypeAlias = dict[str, JsonValue]
Definitions: TypeAlias = dict[str, list[Entry]]

VHOST: Final = "/"
_NOTHING: Final = "^$"


@dataclass(frozen=True, slots=True)
class Tunables:
    """What an operator may change; it takes effect when the definitions are imported again."""

    queue_messages: int = 100_000
    """Messages in one queue; the broker refuses the next, and the publisher tries again."""
    queue_bytes: int = 4 * 1024**3
    """Bytes of bodies in one queue."""
    delivery_limit: int = 1_000_000
    """Deliveries of one message before it is dead-lettered. A crash of a gateway counts for all that it had in hand, so
    a small number loses good messages; -1 means none at all to older brokers."""
    connections: int = 16
    """Open connections of one bureau: two a process, and those that the broker has not yet seen dead."""
    channels: int = 64
    """Open channels of one bureau."""


DEFAULTS: Final = Tunables()


@dataclass(frozen=True, slots=True)
class Written:
    """What a definitions file holds."""

    path: Path
    users: int
    queues: int


@dataclass(frozen=True, slots=True)
class Monitor:
    """Who may look at the broker and do nothing else (RabbitMQ's tag `monitoring`)."""

    user: str
    password: str

    def entry(self) -> Entry:
        """Its user. The salt follows from the password, so that the same definitions come out each time."""
        salt = hashlib.sha256(b"bureaunet-monitor/1\0" + self.password.encode()).digest()[:4]
        hashed = base64.b64encode(salt + hashlib.sha256(salt + self.password.encode()).digest()).decode()
        return {**_user(self.user, {}), "password_hash": hashed, "tags": ["monitoring"]}


def definitions(directory: Directory, tunables: Tunables = DEFAULTS, monitor: Monitor | None = None) -> Definitions:
    """The definitions for everyone in `directory` whose link is AMQP, for the gateway, and for who monitors."""
    rows = sorted((row for row in directory.participants if row.link is Link.AMQP), key=lambda row: row.address)
    present = [row.address for row in rows if row.state is not State.WITHDRAWN]
    withdrawn = [row.address for row in rows if row.state is State.WITHDRAWN]
    inboxes = [inbox_queue(address, urgency) for address in present for urgency in Urgency]
    submissions = submission_queues(directory)
    limits: JsonValue = {"max-connections": tunables.connections, "max-channels": tunables.channels}
    return {
        "vhosts": [{"name": VHOST}],
        "users": [
            _user(GATEWAY_NAME, {}),
            *(_user(row.address, limits) for row in rows),
            *([] if monitor is None else [monitor.entry()]),
        ],
        "permissions": [
            _gateway_rights(),
            *(_bureau_rights(address) for address in present),
            *(_rights(address, write=_NOTHING, read=_NOTHING) for address in withdrawn),
            *([] if monitor is None else [_rights(monitor.user, write=_NOTHING, read=_NOTHING)]),
        ],
        "topic_permissions": [],
        "parameters": [],
        "policies": _policies(tunables),
        "exchanges": [
            _exchange(EXCHANGE_DEAD, "fanout"),
            _exchange(EXCHANGE_DELIVER, "direct"),
            *(_exchange(submit_exchange(address), "direct") for address in present),
        ],
        "queues": [_queue(name) for name in (*submissions, QUEUE_DEAD, QUEUE_PROBE, *inboxes)],
        "bindings": [
            _binding(EXCHANGE_DEAD, QUEUE_DEAD, ""),
            *(_binding(EXCHANGE_DELIVER, name, name) for name in (QUEUE_PROBE, *inboxes)),
            *(
                _binding(submit_exchange(address), submissions_queue(address, urgency), urgency)
                for address in present
                for urgency in Urgency
            ),
        ],
    }


def submission_queues(directory: Directory) -> list[str]:
    """The gateway's queues: two for each participant in `directory` that is on the broker and has not withdrawn."""
    rows = (row for row in directory.participants if row.link is Link.AMQP and row.state is not State.WITHDRAWN)
    return [
        submissions_queue(address, urgency) for address in sorted(row.address for row in rows) for urgency in Urgency
    ]


def write_definitions(
    directory: Directory, path: Path, tunables: Tunables = DEFAULTS, monitor: Monitor | None = None
) -> Written:
    """Write the definitions file of `directory`: the work of `bureaunet-gateway broker definitions`.

    Raises:
        Misuse: the file cannot be written.
    """
    made = definitions(directory, tunables, monitor)
    try:
        path.write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise Misuse(f"cannot write {path}: {error.strerror}") from error
    return Written(path, len(made["users"]), len(made["queues"]))


def _user(name: str, limits: JsonValue) -> Entry:
    # An empty hash matches no password: a certificate is the only way in.
    hashing = "rabbit_password_hashing_sha256"
    return {"name": name, "password_hash": "", "hashing_algorithm": hashing, "tags": [], "limits": limits}


def _rights(user: str, *, write: str, read: str) -> Entry:
    return {"user": user, "vhost": VHOST, "configure": _NOTHING, "write": write, "read": read}


def _gateway_rights() -> Entry:
    # With the queues that all bureaus once shared: a gateway empties them before they are removed.
    read = rf"^submissions(\..+)?$|{_exactly(QUEUE_DEAD)}"
    return _rights(GATEWAY_NAME, write=_exactly(EXCHANGE_DELIVER), read=read)


def _bureau_rights(address: Address) -> Entry:
    read = "|".join(_exactly(inbox_queue(address, urgency)) for urgency in Urgency)
    return _rights(address, write=_exactly(submit_exchange(address)), read=read)


def _exactly(name: str) -> str:
    """A pattern for one name. Names hold letters, digits, dots and hyphens; only the dot means more in a pattern."""
    escaped = name.replace(".", r"\.")
    return f"^{escaped}$"


def _policies(tunables: Tunables) -> list[Entry]:
    bounds: Entry = {"max-length": tunables.queue_messages, "max-length-bytes": tunables.queue_bytes}
    kept: Entry = {
        **bounds,
        "overflow": "reject-publish",
        "delivery-limit": tunables.delivery_limit,
        "dead-letter-exchange": EXCHANGE_DEAD,
        "dead-letter-strategy": "at-least-once",
    }
    return [
        _policy("bureaunet-dead", _exactly(QUEUE_DEAD), {**bounds, "overflow": "reject-publish"}),
        _policy("bureaunet-probe", _exactly(QUEUE_PROBE), {"max-length": 1, "overflow": "drop-head"}),
        _policy("bureaunet-queues", r"^(submissions(\..+)?|inbox\..+)$", kept),
    ]


def _policy(name: str, pattern: str, definition: Entry) -> Entry:
    common: Entry = {"vhost": VHOST, "name": name, "pattern": pattern, "apply-to": "queues", "priority": 0}
    return {**common, "definition": definition}


def _exchange(name: str, kind: str) -> Entry:
    common: Entry = {"name": name, "vhost": VHOST, "type": kind, "durable": True, "auto_delete": False}
    return {**common, "internal": False, "arguments": {}}


def _queue(name: str) -> Entry:
    arguments: JsonValue = {"x-queue-type": "quorum"}
    return {"name": name, "vhost": VHOST, "durable": True, "auto_delete": False, "arguments": arguments}


def _binding(source: str, queue: str, key: str) -> Entry:
    common: Entry = {"source": source, "vhost": VHOST, "destination": queue, "destination_type": "queue"}
    return {**common, "routing_key": key, "arguments": {}}
