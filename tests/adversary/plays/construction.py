"""Timing, by construction: secrets are compared by `hmac.compare_digest`, or by the library that holds them.

What is secret in this system: private keys, content keys, plaintexts, salts. Digests, signatures, kids and codes that
came over a link are no secrets: their comparison tells nobody anything that they did not send. The check reads the
source: no `==` or `!=` has a side that is named for a secret, and the three places where a hash protects content use
`compare_digest`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.adversary.scene import Scene
from tests.adversary.table import CODE, Seen, play

ROOT: Final = Path(__file__).resolve().parents[3]
SECRET: Final = re.compile(r"(^|_)(secret|seed|private|passphrase|password|token|plaintext|salt|mac|tag|commitment)s?$")
PROTECTED: Final = {"schemas/envelope.py": 2}
"""File -> comparisons of a hash that protects content."""
ALLOWED: Final = {
    "schemas/envelope.py": frozenset({"plaintext"}),
    "gateway/adapters/rabbitmq/packed.py": frozenset({"tag"}),
    "bureaus/secretariat/databases/matcher.py": frozenset({"tokens"}),
}
"""File -> names that are compared there, and their time tells nothing. `unpad` compares a plaintext that decrypted with
its own padding: no second party ever sees when it says no. The broker's delivery tags are counters; the matcher's
tokens are the words of names."""


def comparisons(source: str) -> Iterator[str]:
    """Names with a secret's name on either side of == or != in a source text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            for side in (node.left, *node.comparators):
                if (name := _name(side)) and SECRET.search(name):
                    yield name


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner):
            return _name(inner)
    return ""


def digests(source: str) -> int:
    """How often a source text calls `compare_digest`."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return sum(1 for call in calls if _name(call.func) == "compare_digest")


def found(root: Path) -> list[str]:
    """What is wrong below `root`."""
    wrong = []
    for package in ("schemas", "gateway", "bureaus"):
        for path in sorted((root / package).rglob("*.py")):
            name, source = path.relative_to(root).as_posix(), path.read_text("utf-8")
            wrong += [f"{name}: {secret}" for secret in comparisons(source) if secret not in ALLOWED.get(name, ())]
            if digests(source) < PROTECTED.get(name, 0):
                wrong.append(f"{name}: compare_digest")
    return wrong


@play
async def timing(scene: Scene) -> Seen:
    assert scene.home.exists()
    assert list(comparisons("if given == self.seed: pass")) == ["seed"], "the check itself sees one"
    wrong = found(ROOT)
    return Seen("compare-digest" if not wrong else ", ".join(wrong), CODE)
