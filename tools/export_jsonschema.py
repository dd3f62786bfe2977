"""Write the JSON Schema of every kind of message to schemas/messages/jsonschema/, or check that nothing has drifted.

    python -m tools.export_jsonschema            write
    python -m tools.export_jsonschema --check    exit 1 and name what differs

The schemas are for integrators in other languages. They say the form; what only code can say (a real day of the
calendar, a check digit, which fields follow a finding) stands in their descriptions and in the vectors.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.messages import KINDS, Message

FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas" / "messages" / "jsonschema"


class _AbsentNotNull(GenerateJsonSchema):
    """Unknown members are left out: so no null, and no default to fill in."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of the value alone."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of the value alone."""
        return self.generate_inner(schema["schema"])


def file_name(kind: str) -> str:
    """`whereabouts.query/1` stands in `whereabouts.query-1.json`."""
    return f"{kind.replace('/', '-')}.json"


def render(model: type[Message]) -> str:
    """The JSON Schema (draft 2020-12) of one kind, as the file holds it."""
    schema = model.model_json_schema(schema_generator=_AbsentNotNull)
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:bureaunet:message:{model.KIND}"}
    return json.dumps(head | schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def expected() -> dict[str, str]:
    """What the folder holds: file names and their text."""
    return {file_name(kind): render(model) for kind, model in KINDS.items()}


def drift(folder: Path) -> list[str]:
    """The names of the files that are missing, differ, or do not belong."""
    files = expected()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description="Export the JSON Schema of every kind of message.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files lie")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    if options.check:
        changed = drift(folder)
        for name in changed:
            print(f"{name} differs from the models: run python -m tools.export_jsonschema", file=sys.stderr)
        return 1 if changed else 0
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in expected():
            path.unlink()
    for name, text in expected().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
