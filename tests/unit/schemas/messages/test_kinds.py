"""Every kind names the model that says so itself, and asking for names loads no model."""

import subprocess
import sys

import pytest

from schemas.messages import KINDS, Message

_ASKED = """
import sys
from schemas.messages import KINDS
assert "notice.request/1" in KINDS and len(list(KINDS)) == len(KINDS)
assert "schemas.messages.notices" not in sys.modules
assert KINDS["notice.request/1"].__name__ == "NoticeRequest"
assert "schemas.messages.notices" in sys.modules
"""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_model_is_of_the_kind_that_it_stands_for(kind: str) -> None:
    assert kind == KINDS[kind].KIND
    assert issubclass(KINDS[kind], Message)


def test_there_is_a_kind_for_every_model() -> None:
    for kind in KINDS:
        assert KINDS[kind] is not None
    found, todo = set[str](), [Message]
    while todo:
        below = todo.pop().__subclasses__()
        todo += below
        found |= {model.KIND for model in below if "KIND" in vars(model) and model.__module__.startswith("schemas.")}
    assert found == set(KINDS)


def test_an_unknown_kind_is_none_at_all() -> None:
    assert KINDS.get("whereabouts.query/2") is None
    assert "whereabouts.query/2" not in KINDS


def test_asking_for_names_loads_no_model() -> None:
    subprocess.run([sys.executable, "-c", _ASKED], check=True, timeout=60)
