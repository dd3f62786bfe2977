"""Groups of commands that are imported one by one, when they are used: `--help` stays quick."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar

import click


class Lazy(click.Group):
    """A group by its table; a command is the function of its name in the module `prefix` and its name."""

    table: ClassVar[Mapping[str, str]]
    """Name of a command -> what it is for."""
    prefix: ClassVar[str] = "bureaus.commands."

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Every command, in the order in which they are needed."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """The command of this name, imported now."""
        if cmd_name not in self.table:
            return None
        command: object = getattr(import_module(f"{self.prefix}{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """The list of commands, from the table: nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))
