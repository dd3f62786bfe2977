"""Who may open which page of the console: the table in docs/operators.md, and the same made of the routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gateway.console.guard import Page
from gateway.ports_console import AccountRole

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "operators.md"
HEAD: Final = "| page or act | viewer | operator | security-officer | auditor | nobody |"
_ORDER: Final = (AccountRole.VIEWER, AccountRole.OPERATOR, AccountRole.SECURITY_OFFICER, AccountRole.AUDITOR)


def rows() -> list[tuple[str, str, frozenset[AccountRole]]]:
    """(method, path below the console's prefix, who may) as the document says; of what everyone may, no role."""
    lines = DOCUMENT.read_text("utf-8").partition(HEAD)[2].strip("\n").splitlines()[1:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        method, _, path = cells[0].strip("`").partition(" ")
        roles = frozenset(role for role, cell in zip(_ORDER, cells[1:5], strict=True) if cell == "yes")
        found.append((method, path, frozenset[AccountRole]() if cells[5] == "yes" else roles))
    return found


def shown(path: str) -> str:
    """A route's path without the forms of its places."""
    return re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", path)


def table(pages: Iterable[Page]) -> str:
    """The document's table, made of the routes."""
    lines = [HEAD, "|---|---|---|---|---|---|"]
    for page in pages:
        everyone = page.roles is None
        said = ["yes" if page.roles is None or role in page.roles else "" for role in _ORDER]
        lines.append(f"| `{page.method} {shown(page.path)}` | {' | '.join(said)} | {'yes' if everyone else ''} |")
    return "\n".join(lines).replace("|  |", "| |").replace("|  |", "| |") + "\n"
