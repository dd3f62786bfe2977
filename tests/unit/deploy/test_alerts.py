import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from gateway.adapters.sql.looks import SqlApprovals
from gateway.answers import ClockStates
from gateway.approvals import Counted, Requests
from gateway.metrics import WATCHED
from tests.metered import metered

DEPLOY = Path(__file__).parents[3] / "deploy"
RULES, UNITS = DEPLOY / "prometheus/alerts.yml", DEPLOY / "prometheus/alerts_test.yml"
DASHBOARD = DEPLOY / "grafana/bureaunet.json"
OPERATORS = DEPLOY.parent / "docs/operators.md"
METRIC = re.compile(r"\b(?:bureaunet|process)_[a-z_]+\b")
EVENT = re.compile(r'event=~?"([^"]+)"')


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def panels() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


@pytest_asyncio.fixture
async def emitted(tmp_path: Path) -> AsyncIterator[frozenset[str]]:
    """Names of all samples that `/metrics` of a gateway says which has lived a little."""
    async with metered(tmp_path) as here:
        here.watching.answered("GET /v1/inbox", 200, 0.1)
        await ClockStates(here.store, here.watching.registry).look()
        await here.measuring.look()
        requests = Requests(
            tmp_path, here.store, SqlApprovals(here.database), here.world.clock, here.world.network, lambda: None
        )
        await Counted(requests, here.watching.registry).look()
        yield frozenset(name for name, _ in here.samples())


async def test_every_metric_that_an_alert_or_a_panel_names_is_emitted(emitted: frozenset[str]) -> None:
    named = {name for text in (*(rule["expr"] for rule in rules()), *panels()) for name in METRIC.findall(text)}
    assert len(named) > 15
    assert named - emitted == set()


def test_every_event_that_an_alert_watches_begins_at_zero() -> None:
    watched = {event for rule in rules() for found in EVENT.findall(rule["expr"]) for event in found.split("|")}
    assert len(watched) > 5
    assert watched <= set(WATCHED)


@pytest.mark.parametrize("event", [event for event in WATCHED if event != "error"])
def test_every_event_that_is_watched_is_one_that_the_gateway_tells(event: str) -> None:
    sources = DEPLOY.parent.glob("gateway/**/*.py")
    assert any(re.search(rf'saw\(\s*"{event}"', source.read_text()) for source in sources)


def test_every_alert_is_made_to_fire_and_told_of_in_the_operators_guide() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    assert set(names) == {
        test["name"] for test in yaml.safe_load(UNITS.read_text())["tests"] if " " not in test["name"]
    }
    rows = [line.split(" | ") for line in OPERATORS.read_text("utf-8").splitlines() if line.startswith("| `Bureaunet")]
    told = {cells[0].strip("| `"): [cell.strip("| ") for cell in cells[1:]] for cells in rows}
    assert set(told) == set(names)
    for name, said in told.items():  # what it means, how to look, what to do
        assert len(said) == 3, name
        assert all(len(text) > 10 for text in said), name


@pytest.mark.parametrize("test", yaml.safe_load(UNITS.read_text())["tests"], ids=lambda test: str(test["name"]))
def test_a_unit_that_is_named_after_an_alert_has_it_fire(test: dict[str, Any]) -> None:
    fired = [sample["labels"] for one in test["promql_expr_test"] for sample in one.get("exp_samples", ())]
    if " " not in test["name"]:
        assert any(f'alertname="{test["name"]}"' in labels for labels in fired)


@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", RULES), ("test", "rules", UNITS), ("check", "config", RULES.with_name("prometheus.yml"))],
    ids=["rules", "units", "config"],
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str | Path, ...]) -> None:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
