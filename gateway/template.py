"""The commented `gateway.toml` that `init` writes: every setting with its meaning and default, all commented out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from gateway.settings import Settings

_HEAD: Final = """\
# Settings of this gateway. What is commented out shows its default; the environment and the command line go before
# this file. A database URL that holds a password belongs here or in BUREAUNET_DATABASE_URL, never on a command line.
"""


def template() -> str:
    """The file's text."""
    return "\n".join((_HEAD, *_lines(Settings, skip=("home",)))) + "\n"


def _lines(model: type[BaseModel], skip: tuple[str, ...] = (), within: str = "") -> Iterator[str]:
    tables: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            tables.append((name, type(field.default)))
        elif name not in skip:
            if field.description:
                yield f"# {field.description}"
            yield f"# {name} = {json.dumps(field.default)}"
    for name, table in tables:
        yield f"\n# {(table.__doc__ or '').strip()}"
        yield f"[{within}{name}]"
        yield from _lines(table, within=f"{within}{name}.")
