from __future__ import annotations

import json
from pathlib import Path

import pytest

from bureaus.sandbox.definitions import missing, read_definitions
from schemas.errors import Misuse

BINDING = {
    "vhost": "/",
    "source": "submit.AA",
    "destination_type": "queue",
    "destination": "submissions",
    "routing_key": "routine",
}


def write(folder: Path, content: object) -> Path:
    path = folder / "definitions.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_what_is_held_is_not_missing_and_more_does_not_matter(tmp_path: Path) -> None:
    wanted = read_definitions(write(tmp_path, {"users": [{"name": "AA"}], "bindings": [BINDING]}))
    exported = {"users": [{"name": "AA", "tags": []}, {"name": "BB"}], "bindings": [BINDING], "rabbit_version": "4"}
    assert missing(wanted, json.dumps(exported)) == []


def test_each_missing_entry_is_named_by_section_and_identity(tmp_path: Path) -> None:
    queues = [{"name": "inbox.AA", "vhost": "/"}, {"name": "inbox.BB", "vhost": "/"}]
    wanted = read_definitions(write(tmp_path, {"queues": queues, "bindings": [BINDING]}))
    held = {"queues": queues[:1], "bindings": [{**BINDING, "routing_key": "urgent"}]}
    assert missing(wanted, json.dumps(held)) == [
        "bindings / submit.AA queue submissions routine",
        "queues / inbox.BB",
    ]


def test_a_file_that_is_no_definitions_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="not a definitions file"):
        read_definitions(write(tmp_path, {"queues": "inbox.AA"}))
    with pytest.raises(Misuse, match="not a definitions file"):
        read_definitions(tmp_path / "absent.json")
