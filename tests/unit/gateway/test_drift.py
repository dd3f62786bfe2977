"""A broker against the directory: every way of differing is seen, and named so that nothing in a name is obeyed."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from gateway.broker import Definitions, definitions
from gateway.drift import Difference, Kind, by_import, compare, for_people, read_export, removals
from schemas.errors import Malformed
from tests.unit.gateway.test_broker import directory, row

WANTED = definitions(directory(row("FR"), row("KE/border-namanga")))


def held() -> Definitions:
    return read_export(json.dumps(WANTED))


def only(found: list[Difference]) -> Difference:
    (one,) = found
    return one


def test_a_broker_that_holds_what_is_wanted_does_not_differ() -> None:
    assert compare(WANTED, held()) == []


@pytest.mark.parametrize("section", [name for name, entries in WANTED.items() if entries])
def test_each_entry_that_is_missing_is_seen(section: str) -> None:
    for number in range(len(WANTED[section])):
        broker = held()
        del broker[section][number]
        found = only(compare(WANTED, broker))
        assert (found.kind, found.section) == (Kind.MISSING, section)
        assert by_import([found]) == [found]
        assert removals([found]) == []


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("users", "password_hash", "c2VjcmV0"),
        ("users", "tags", ["administrator"]),
        ("users", "limits", {}),
        ("permissions", "write", ".*"),
        ("permissions", "configure", "inbox"),
        ("policies", "definition", {"max-length": 1}),
        ("policies", "pattern", "^nothing$"),
    ],
)
def test_a_changed_entry_is_seen_and_an_import_ends_it(section: str, field: str, value: str | list[str]) -> None:
    broker = held()
    broker[section][-1][field] = value  # type: ignore[assignment]  # a test writes what a broker may
    found = only(compare(WANTED, broker))
    assert (found.kind, found.fields) == (Kind.CHANGED, (field,))
    assert by_import([found]) == [found]


def test_a_queue_with_other_arguments_is_for_people() -> None:
    broker = held()
    broker["queues"][0]["arguments"] = {"x-queue-type": "classic"}
    found = compare(WANTED, broker)
    assert for_people(found) == found
    assert by_import(found) == []
    assert removals(found) == []


def test_what_nobody_wants_is_removed_users_last_and_their_rights_with_them() -> None:
    broker = deepcopy(held())
    broker["users"].append({"name": "guest", "password_hash": "x", "tags": ["administrator"]})
    broker["permissions"].append({"vhost": "/", "user": "guest", "configure": ".*", "write": ".*", "read": ".*"})
    broker["permissions"].append({"vhost": "/other", "user": "FR", "configure": ".*", "write": ".*", "read": ".*"})
    broker["queues"].append({"vhost": "/", "name": "copy"})
    broker["exchanges"].append({"vhost": "/", "name": "copies"})
    broker["parameters"].append({"vhost": "/", "component": "shovel", "name": "away", "value": {}})
    broker["bindings"].append(
        {
            "vhost": "/",
            "source": "deliver",
            "destination_type": "queue",
            "destination": "copy",
            "routing_key": "inbox.FR",
        }
    )
    commands = removals(compare(WANTED, broker))
    assert [command[0] for command in commands] == [
        "eval",
        "clear_parameter",
        "clear_permissions",
        "eval",
        "delete_queue",
        "delete_user",
    ]
    assert commands[2] == ["clear_permissions", "-p", "/other", "FR"]
    assert commands[4][-1] == "--if-empty"
    assert commands[5] == ["delete_user", "guest"]


def test_names_that_others_chose_are_shown_and_passed_on_as_data() -> None:
    name = '"). os:cmd("echo owned"). %\x1b[2J'
    broker = held()
    broker["exchanges"].append({"vhost": "/", "name": name})
    found = compare(WANTED, broker)
    assert "\x1b" not in str(only(found))
    ((verb, code),) = removals(found)
    assert verb == "eval"
    assert "os:cmd" not in code
    assert "\x1b" not in code


@pytest.mark.parametrize("text", ["", "[]", '{"users": {}}', '{"queues": [1]}'])
def test_an_export_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_export(text)
