"""The model of values from our own files."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """A value of our own files; not strict, since TOML has no enums and no tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
