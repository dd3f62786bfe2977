"""Another operation through `bureaunet exercise`, with an organisation that observes, and names in several scripts."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from bureaus.exercises.catalogue import exercises, operation, operations
from bureaus.exercises.plan import make_plan
from tests.e2e.exercise_runs import OBJECT, bureaunet, held, kept_by_the_gateway, lying_open, searched

pytestmark = pytest.mark.timeout(400)
HYDRA = "infra-hydra-2016"


def test_an_operation_with_names_in_many_scripts_runs_and_none_of_them_lies_open(tmp_path: Path) -> None:
    caseload = make_plan(operation(HYDRA), 2, targets=40, bureaus=30).caseload
    scripts = {unicodedata.name(word[0]).split()[0] for word in searched(caseload)}
    assert scripts >= {"LATIN", "ARABIC", "CYRILLIC", "CJK"}
    out = tmp_path / "hydra"
    said = held("exercise", "run", HYDRA, "--seed", "2", "--targets", "40", "--bureaus", "30", "--keep", "--out", out)
    assert said["ok"] is True
    assert (out / f"{HYDRA}.record").is_file()
    assert lying_open(caseload, kept_by_the_gateway(out)) == []


def test_the_eight_operations_and_the_other_exercises_are_listed_and_shown() -> None:
    listed = json.loads(bureaunet("exercise", "list", "--json").stdout)
    assert [row["id"] for row in listed] == list(exercises())
    assert len(operations()) == 8
    for_people = bureaunet("exercise", "list").stdout.decode()
    assert all(identifier in for_people for identifier in exercises())
    shown = OBJECT.validate_json(bureaunet("exercise", "show", HYDRA, "--json").stdout)
    assert shown["organisations"] == ["UNMIK"]
    assert isinstance(shown["bureaus"], list)
    assert len(shown["bureaus"]) == shown["participants"] == 43
    for identifier in (HYDRA, "infra-sa-2011"):
        done = bureaunet("exercise", "show", identifier)
        assert done.returncode == 0
        assert b"not published" in done.stdout


def test_an_operation_that_there_is_not_is_refused_with_the_list() -> None:
    for command in ("show", "run"):
        done = bureaunet("exercise", command, "infra-mars")
        assert done.returncode == 2
        assert HYDRA.encode() in done.stderr
