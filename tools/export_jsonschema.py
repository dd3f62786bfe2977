"""Write the JSON Schema of every kind of message, and of what the conformance kit asks; or check that nothing drifted.

    python -m tools.export_jsonschema            write
    python -m tools.export_jsonschema --check    exit 1 and name what differs

Messages stand in schemas/messages/jsonschema/, the kit's requests and answers in bureaus/conformance/jsonschema/. The
schemas are for integrators in other languages. They say the form; what only code can say (a real day of the
calendar, a check digit, which fields follow a finding) stands in their descriptions and in the vectors.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bureaus.conformance.schema import answer_schema, request_schema
from schemas.messages import KINDS, Message

_ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = _ROOT / "schemas" / "messages" / "jsonschema"
CONTRACT_FOLDER: Final = _ROOT / "bureaus" / "conformance" / "jsonschema"


class _AbsentNotNull(GenerateJsonSchema):
    """Unknown members are left out: so no null, and no default to fill in."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of the value alone."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of the value alone."""
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """With what the source says of each field: reading that takes long, so no program that starts does it."""
        made = super().model_schema(schema)
        said = described(schema["cls"])
        for name, member in made.get("properties", {}).items():
            if name in said:
                member["description"] = said[name]
        return made


def described(model: type) -> dict[str, str]:
    """The docstrings below the fields of a model and of those that it is made from, by field."""
    said: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith("schemas."):
            said |= _below_fields(base)
    return said


def _below_fields(model: type) -> Iterator[tuple[str, str]]:
    body = cast("ast.ClassDef", ast.parse(inspect.getsource(model)).body[0]).body
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def file_name(kind: str) -> str:
    """`whereabouts.query/1` stands in `whereabouts.query-1.json`."""
    return f"{kind.replace('/', '-')}.json"


def render(model: type[Message]) -> str:
    """The JSON Schema (draft 2020-12) of one kind, as the file holds it."""
    schema = model.model_json_schema(schema_generator=_AbsentNotNull)
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:bureaunet:message:{model.KIND}"}
    return json.dumps(head | schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def expected() -> dict[str, str]:
    """What the folder of messages holds: file names and their text."""
    return {file_name(kind): render(model) for kind, model in KINDS.items()}


def expected_contract() -> dict[str, str]:
    """The same of the kit's."""
    schemas = {"request.json": request_schema(), "answer.json": answer_schema()}
    return {name: json.dumps(schema, indent=2, sort_keys=True) + "\n" for name, schema in schemas.items()}


def drift(folder: Path, files: Mapping[str, str] | None = None) -> list[str]:
    """The names of the files that are missing, differ, or do not belong; without `files`, of the messages'."""
    wanted = expected() if files is None else files
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Make a folder hold these files and no other."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description="Export the JSON Schema of every kind of message, and of the kit's.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the messages' files lie")
    parser.add_argument("--contract", type=Path, default=CONTRACT_FOLDER, help="where the kit's files lie")
    options = parser.parse_args(arguments)
    folders: dict[Path, dict[str, str]] = {options.folder: expected(), options.contract: expected_contract()}
    if options.check:
        changed = [name for folder, files in folders.items() for name in drift(folder, files)]
        for name in changed:
            print(f"{name} differs from the models: run python -m tools.export_jsonschema", file=sys.stderr)
        return 1 if changed else 0
    for folder, files in folders.items():
        write(folder, files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
