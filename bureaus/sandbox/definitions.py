"""Whether a broker holds what its definitions file says.

RabbitMQ drops an entry that lacks a field (a queue without `auto_delete`, tried on 3.10) without a word in
its log, and loads the rest. So what a node exports is compared with what it was given.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from schemas.errors import Misuse

_NAMED_BY = {
    "users": ("name",),
    "vhosts": ("name",),
    "permissions": ("user", "vhost"),
    "policies": ("vhost", "name"),
    "exchanges": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key"),
}


class Definitions(BaseModel):
    """The sections of a definitions file that we compare, each a list of entries as the broker writes them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    users: list[dict[str, JsonValue]] = []
    vhosts: list[dict[str, JsonValue]] = []
    permissions: list[dict[str, JsonValue]] = []
    policies: list[dict[str, JsonValue]] = []
    exchanges: list[dict[str, JsonValue]] = []
    queues: list[dict[str, JsonValue]] = []
    bindings: list[dict[str, JsonValue]] = []

    def names(self) -> set[str]:
        """Give each entry's section and identity in words, such as `queues / inbox.FR`."""
        sections: dict[str, list[dict[str, JsonValue]]] = {section: getattr(self, section) for section in _NAMED_BY}
        return {
            " ".join([section, *(str(entry.get(field)) for field in _NAMED_BY[section])])
            for section, entries in sections.items()
            for entry in entries
        }


def read_definitions(path: Path) -> Definitions:
    """Read a definitions file. Raises Misuse if it cannot be read or is not one."""
    try:
        return Definitions.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        msg = f"{path} is not a definitions file: {error}"
        raise Misuse(msg) from error


def missing(wanted: Definitions, exported: str) -> list[str]:
    """Name what is wanted and not in a broker's export (JSON text), in order."""
    return sorted(wanted.names() - Definitions.model_validate_json(exported).names())
