"""The contract: what the kit asks and what drivers answer fit the exported JSON Schema, and the documents say it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from bureaus.conformance.contract import CONTRACT, OPERATIONS, Answer, Level, Request
from bureaus.conformance.driver.__main__ import Driver
from bureaus.conformance.making import Keys, acknowledging, contents, sealing
from bureaus.conformance.schema import answer_schema, request_schema
from bureaus.conformance.sections import TITLES
from bureaus.conformance.vectors import vectors
from tools.export_jsonschema import CONTRACT_FOLDER, drift, expected_contract

DOCS = Path(__file__).parents[4] / "docs"
REQUESTS = Draft202012Validator(request_schema())
ANSWERS = Draft202012Validator(answer_schema())


def asked() -> list[Request]:
    """Everything that is asked without a network."""
    keys = Keys()
    made = [("seal", sealing(keys, contents()["small"], 1)), ("acknowledge", acknowledging(keys, None, 1))]
    pairs: list[tuple[str, dict[str, JsonValue]]] = [
        ("hello", {"contract": CONTRACT}),
        *((one.do, dict(one.given)) for one in vectors()),
        *made,
    ]
    return [Request(id=number, do=do, given=given) for number, (do, given) in enumerate(pairs)]


def test_the_exported_schemas_have_not_drifted() -> None:
    assert drift(CONTRACT_FOLDER, expected_contract()) == []
    for schema in (request_schema(), answer_schema()):
        Draft202012Validator.check_schema(schema)


def test_what_is_asked_fits_the_schema_and_asks_all_that_needs_no_link() -> None:
    requests = asked()
    one_of_each = {request.do: request for request in requests}
    assert set(one_of_each) == {name for name, operation in OPERATIONS.items() if operation.level is not Level.LIVE}
    for request in one_of_each.values():
        REQUESTS.validate(json.loads(request.model_dump_json()))


async def test_what_our_driver_answers_fits_the_schema() -> None:
    driver = Driver()
    shown: dict[str, dict[str, object]] = {}
    for request in asked():
        answer = json.loads((await driver.answer(request)).model_dump_json())
        ANSWERS.validate(answer)
        if answer["outcome"] == "ok":
            shown[request.do] = answer["shows"]
    definitions = answer_schema()["$defs"]
    assert isinstance(definitions, dict)
    for name, shows in shown.items():
        form = definitions[name]
        assert isinstance(form, dict)
        Draft202012Validator(form).validate(shows)


async def test_an_operation_that_our_driver_does_not_know_is_unsupported() -> None:
    answer = await Driver().answer(Request(id=1, do="levitate", given={}))
    assert answer == Answer(id=1, outcome="unsupported")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_guide_for_drivers_names_each_operation_with_its_members(name: str) -> None:
    rows = re.findall(rf"^\| `{re.escape(name)}` \|.*$", (DOCS / "conformance.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 1
    operation = OPERATIONS[name]
    for member in (*operation.given, *operation.optional, *operation.shows):
        assert f"`{member}`" in rows[0]


def test_sections_are_named_as_in_the_protocol() -> None:
    text = (DOCS / "protocol.md").read_text("utf-8")
    for number, title in TITLES.items():
        assert re.search(rf"^#+ {re.escape(number)}\.? {re.escape(title)}$", text, re.MULTILINE), number
