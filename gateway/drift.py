"""Whether a live broker holds what the directory says, nothing less and nothing more.

Order of work: `compare` the definitions that are wanted with those that the broker exports; importing the wanted ones
ends some differences, and `removals` says which commands of rabbitmqctl end others. Pure: texts in, differences and
command lines out. Rules: what nobody wants is a difference too (a user, a right, a binding to somebody's own queue, a
shovel); a queue is deleted only when it is empty; one that has other arguments than it should is for people to decide,
since it would have to be deleted with what is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pydantic import JsonValue

from gateway.broker import Definitions, Entry
from schemas.errors import Malformed, Reason

_NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("vhost", "user"),
    "topic_permissions": ("vhost", "user", "exchange"),
    "parameters": ("vhost", "component", "name"),
    "policies": ("vhost", "name"),
    "exchanges": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key"),
}
"""Section of a definitions file -> the fields that name an entry in it."""
_COMPARED: Final[Mapping[str, tuple[str, ...]]] = {
    "users": ("password_hash", "tags", "limits"),
    "permissions": ("configure", "write", "read"),
    "policies": ("pattern", "apply-to", "priority", "definition"),
    "exchanges": ("type", "durable", "auto_delete", "internal", "arguments"),
    "queues": ("durable", "auto_delete", "arguments"),
    "bindings": ("arguments",),
}
Name: TypeAlias = tuple[str, ...]


class Kind(StrEnum):
    """How the broker differs."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that is not as it should be."""

    kind: Kind
    section: str
    name: Name
    fields: tuple[str, ...] = ()
    """Which fields differ, of one that is changed."""

    def __str__(self) -> str:
        """One line for people; names are the broker's, and shown so that no terminal obeys them."""
        name = " ".join(json.dumps(part) for part in self.name)
        return f"{self.kind}: {self.section} {name}{' (' + ', '.join(self.fields) + ')' if self.fields else ''}"


def read_export(text: str) -> Definitions:
    """What `rabbitmqctl export_definitions -` wrote.

    Raises:
        Malformed: `structure`.
    """
    try:
        read = json.loads(text)
    except ValueError:
        raise Malformed(Reason.STRUCTURE, "the broker's export is not JSON") from None
    if not isinstance(read, dict):
        raise Malformed(Reason.STRUCTURE, "the broker's export is not of the form")
    made: Definitions = {}
    for section in _NAMED_BY:
        entries = read.get(section, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise Malformed(Reason.STRUCTURE, f"the broker's export has {section} of another form")
        made[section] = entries
    return made


def compare(wanted: Definitions, held: Definitions) -> list[Difference]:
    """Where the broker differs from what is wanted, in the order of the sections and names."""
    return [difference for section in _NAMED_BY for difference in _section(section, wanted, held)]


def _section(section: str, wanted: Definitions, held: Definitions) -> Iterator[Difference]:
    want, have = (_by_name(section, source.get(section, [])) for source in (wanted, held))
    for name in sorted({*want, *have}):
        if name not in have:
            yield Difference(Kind.MISSING, section, name)
        elif name not in want:
            yield Difference(Kind.EXTRA, section, name)
        else:
            pairs = ((field, want[name].get(field), have[name].get(field)) for field in _COMPARED.get(section, ()))
            fields = tuple(field for field, said, is_ in pairs if _plain(said) != _plain(is_))
            if fields:
                yield Difference(Kind.CHANGED, section, name, fields)


def _by_name(section: str, entries: Sequence[Entry]) -> dict[Name, Entry]:
    return {tuple(str(entry.get(field, "")) for field in _NAMED_BY[section]): entry for entry in entries}


def _plain(value: JsonValue) -> JsonValue:
    """Nothing said and nothing in it are the same: brokers write either."""
    return value or None


def by_import(differences: Sequence[Difference]) -> list[Difference]:
    """Those that importing the wanted definitions ends."""
    return [one for one in differences if one.kind is not Kind.EXTRA and not _for_people(one)]


def for_people(differences: Sequence[Difference]) -> list[Difference]:
    """Those that no command here ends."""
    return [one for one in differences if _for_people(one)]


def _for_people(one: Difference) -> bool:
    fixed = one.section in ("exchanges", "queues", "bindings") and one.kind is Kind.CHANGED
    return fixed or (one.section == "vhosts" and one.kind is Kind.EXTRA)


def removals(differences: Sequence[Difference]) -> list[list[str]]:
    """Arguments of rabbitmqctl, one command after another, that remove what nobody wants.

    Bindings go first, users last: a right goes before its user, and nothing is cut off that would take others with it.
    """
    order = ("bindings", "parameters", "topic_permissions", "permissions", "policies", "exchanges", "queues", "users")
    extra = [one for one in differences if one.kind is Kind.EXTRA and one.section in order]
    gone = {one.name[0] for one in extra if one.section == "users"}
    return [
        _removal(one)
        for section in order
        for one in extra
        if one.section == section and not (section == "permissions" and one.name[1] in gone)
    ]


_SIMPLE: Final[Mapping[str, str]] = {
    "permissions": "clear_permissions",
    "topic_permissions": "clear_topic_permissions",
    "parameters": "clear_parameter",
    "policies": "clear_policy",
}
"""Section -> the command that takes a virtual host and the rest of the name."""


def _removal(one: Difference) -> list[str]:
    if one.section == "users":
        return ["delete_user", *one.name]
    vhost, *rest = one.name
    if one.section == "queues":
        return ["delete_queue", "-p", vhost, *rest, "--if-empty"]
    if one.section == "exchanges":
        return ["eval", f"rabbit_exchange:delete({_resource(vhost, 'exchange', rest[0])}, false, {_BY})."]
    if one.section == "bindings":
        source, kind, destination, key = rest
        ends = _resource(vhost, "exchange", source), _resource(vhost, kind, destination)
        return ["eval", f"rabbit_binding:remove({{binding, {ends[0]}, {_binary(key)}, {ends[1]}, []}}, {_BY})."]
    return [_SIMPLE[one.section], "-p", vhost, *rest]


def _binary(text: str) -> str:
    """An Erlang binary, by its bytes: nothing in a name can end it."""
    return f"<<{','.join(map(str, text.encode()))}>>"


def _resource(vhost: str, kind: str, name: str) -> str:
    return f"rabbit_misc:r({_binary(vhost)}, {'queue' if kind == 'queue' else 'exchange'}, {_binary(name)})"


_BY: Final = _binary("bureaunet-gateway")
