"""What `redeliver` says where there is nothing to publish."""

from __future__ import annotations

import json
import time
from pathlib import Path

from click.testing import CliRunner

from gateway.__main__ import main
from gateway.authority import Authority
from gateway.service import complete_service, make_service
from tests.unit.gateway.test_authority import Bureau


def test_an_inbox_over_http_needs_nothing_and_nobody_has_none(tmp_path: Path) -> None:
    home, now = tmp_path / "gw", int(time.time())
    service = make_service(home, "log.test", [], now)
    authority = Authority.create(tmp_path / "authority", service.encode(), "Test", now, exercise=True)
    given = [authority.home / name for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
    complete_service(home, *(path.read_bytes() for path in given))
    directory = authority.approve([Bureau("FR").request()], now).directory

    def run(*arguments: str | Path) -> tuple[int, str]:
        said = CliRunner().invoke(main, [*map(str, arguments), "--home", str(home)])
        return said.exit_code, said.output

    assert run("participant", "load", directory)[0] == 0
    code, said = run("redeliver", "FR", "--operator", "ada")
    assert (code, said) == (0, "FR fetches over HTTP: nothing to do\n")
    code, said = run("redeliver", "FR", "--operator", "ada", "--json")
    assert (code, json.loads(said)) == (0, {"link": "http", "copies": 0})
    code, said = run("redeliver", "BR", "--operator", "ada")
    assert (code, "no participant BR" in said) == (1, True)
