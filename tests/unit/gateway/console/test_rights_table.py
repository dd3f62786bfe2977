"""docs/operators.md says who may open each page and do each act, and the routes say the same."""

from __future__ import annotations

from pathlib import Path

from gateway.ports_console import AccountRole
from tests.rights import DOCUMENT, rows, shown, table
from tests.unit.gateway.console.issuing_scene import opened


async def test_each_route_stands_in_the_document_with_who_may(tmp_path: Path) -> None:
    async with opened(tmp_path) as gate:
        wanted = table(gate.scene.console.pages)
        assert wanted in DOCUMENT.read_text("utf-8"), f"docs/operators.md, Rights at the console:\n{wanted}"
        said = {(page.method, shown(page.path)): page.roles or frozenset() for page in gate.scene.console.pages}
        assert {(method, path): roles for method, path, roles in rows()} == said


async def test_auditors_and_viewers_change_nothing_and_only_who_audits_sees_deeds() -> None:
    """What the roles are for, in words that no table of routes can go around."""
    acts = {(method, path) for method, path, roles in rows() if method == "POST" and roles}
    for method, path, roles in rows():
        taken = path.endswith(("/export", "/record", "/sign-out"))
        if (method, path) in acts and not taken:
            assert AccountRole.AUDITOR not in roles, path
        if (method, path) in acts and path != "/sign-out":
            assert AccountRole.VIEWER not in roles, path
        if "audit" in path:
            assert roles == {AccountRole.SECURITY_OFFICER, AccountRole.AUDITOR}, path
        if "discard" in path:
            assert roles == {AccountRole.SECURITY_OFFICER}, path
