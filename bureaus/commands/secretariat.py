"""`bureaunet secretariat`: the General Secretariat's services, and its staff's work by command.

Commands of the rooms are modules of their own, `secretariat_NAME.py`, imported when they are used.
"""

from __future__ import annotations

import click

from bureaus.commands.lazy import Lazy


class Desk(Lazy):
    """The secretariat's commands."""

    table = {  # noqa: RUF012  # a ClassVar in Lazy
        "serve": "Serve: answer bureaus, send what follows, show the pages.",
        "open": "Publish the standing operation, or bring it to the directory.",
        "staff": "Add, list, lock and remove the staff.",
        "notice": "Screen, publish, refuse and cancel notices.",
        "results": "What bureaus reported, and totals as claimed.",
        "phase": "An operation's phases and progress.",
        "group": "Named groups of addresses across bureaus.",
        "quality": "What records and notices lack, twice, stale, overdue.",
        "evaluate": "Evaluate an operation: a page with plots, and JSON.",
        "audit": "List who did what.",
    }
    prefix = "bureaus.commands.secretariat_"


@click.group(cls=Desk, short_help="Serve the General Secretariat.")
def secretariat() -> None:
    """Be the General Secretariat: a participant like any other, with a registry of its own.

    It reads what is addressed to it; the gateway still reads nothing. Its home is enrolled as a bureau's is, as IPSG.
    The registry is a database beside that: SQLite in the home, or PostgreSQL.

    \b
    Example:
      bureaunet secretariat serve --home ipsg --pages-port 8080
      bureaunet secretariat audit --home ipsg --json

    While it serves, its staff's commands write to the registry, and the server sends what follows.
    """  # noqa: D301  # click's \b keeps the lines of the example
