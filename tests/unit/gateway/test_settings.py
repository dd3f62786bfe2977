"""Settings: what wins over what, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.settings import Settings, load
from gateway.template import template
from schemas.errors import Misuse


def write(home: Path, text: str) -> Path:
    (home / "gateway.toml").write_text(text)
    return home


def test_the_written_file_changes_nothing_and_names_every_default(tmp_path: Path) -> None:
    defaults = load(tmp_path, {})
    assert load(write(tmp_path, template()), {}) == defaults
    shown = re.sub(r"^# (?=\w+ = )", "", template(), flags=re.MULTILINE)
    assert load(write(tmp_path, shown), {}) == defaults
    assert len(re.findall(r"^\w+ = ", shown, re.MULTILINE)) > 40


def test_the_environment_goes_before_the_file_and_the_command_line_before_both(tmp_path: Path) -> None:
    home = write(
        tmp_path, 'database = "sqlite+aiosqlite:///a"\n[bureaus]\nport = 1\nhost = "h"\n[operators]\nport = 1\n'
    )
    environment = {"BUREAUNET_LISTEN_PORT": "2", "BUREAUNET_OPERATORS_PORT": "2", "BUREAUNET_DATABASE_URL": "x"}
    settings = load(home, environment, {("bureaus", "port"): 3, ("broker",): None})
    assert (settings.bureaus.port, settings.operators.port, settings.bureaus.host) == (3, 2, "h")
    assert (settings.database_url, settings.broker) == ("x", "")


def test_without_a_database_it_is_a_file_in_the_home(tmp_path: Path) -> None:
    assert load(tmp_path, {}).database_url == f"sqlite+aiosqlite:///{tmp_path}/ledger.db"


def test_the_high_water_mark_is_in_the_home_unless_a_folder_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, {}).state_folder == tmp_path
    assert load(tmp_path, {"BUREAUNET_STATE": "/srv/state"}).state_folder == Path("/srv/state")


@pytest.mark.parametrize(
    "text",
    [
        "no toml",
        "unknown = 1",
        "[bureaus]\nprot = 1",
        "[operators]\nport = 70000",
        "[pipeline]\nbatch_items = 0",
        "bureaus = 1",
    ],
)
def test_what_is_misspelt_or_out_of_range_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misuse):
        load(write(tmp_path, text), {"BUREAUNET_LISTEN_PORT": "1"})


def test_a_password_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/word\n")
    environment = {
        "BUREAUNET_DATABASE_URL": "postgresql+asyncpg://u@h/d",
        "BUREAUNET_DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
    }
    assert load(tmp_path, environment).database_url == "postgresql+asyncpg://u:p%40ss%2Fword@h/d"
    for url in ("postgresql+asyncpg://h/d", "postgresql+asyncpg://u:secret@h/d"):
        with pytest.raises(Misuse) as refused:
            _ = load(tmp_path, {**environment, "BUREAUNET_DATABASE_URL": url}).database_url
        assert "secret" not in str(refused.value)
    with pytest.raises(Misuse):
        _ = load(tmp_path, {**environment, "BUREAUNET_DATABASE_PASSWORD_FILE": "none"}).database_url


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database="postgresql+asyncpg://u:hidden-word@h/d", broker="amqps://h")
    assert "hidden-word" not in repr(settings)
