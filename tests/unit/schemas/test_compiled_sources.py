"""What mypyc compiles to something else than Python means is not written in the modules that a build compiles.

It keeps whole numbers as C integers: True, which a hostile sender may put in a number's place, becomes 1 before anybody
asks whether it is one. And it leaves a name unbound that a pattern binds to None. Both were found by running these
tests in a compiled copy; here they are found in plain sources too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tools.repo_files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_LISTED = [line for line in (ROOT / "compiled-modules.txt").read_text("utf-8").splitlines() if line.endswith(".py")]


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _patterns(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchClass) and _is_name(node.cls, "int") and node.patterns:
            yield node.lineno, "`int(name)` takes True as 1: bind the name, and ask `type(name) is int` in the guard"
        if isinstance(node, ast.MatchAs) and isinstance(node.pattern, ast.MatchSingleton | ast.MatchOr):
            inside = ast.walk(node.pattern)
            if any(isinstance(one, ast.MatchSingleton | ast.MatchClass) for one in inside):
                yield node.lineno, "`A | B as name` is not always bound: bind the name, and ask in the guard"


def _questions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        whole = {one.arg for one in given if one.annotation is not None and _is_name(one.annotation, "int")}
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and _is_name(node.func, "isinstance")
                and isinstance(node.args[0], ast.Name)
                and node.args[0].id in whole
                and _is_name(node.args[1], "bool")
            ):
                yield node.lineno, f"`{node.args[0].id}: int` is no boolean any more when it is compiled"


@pytest.mark.parametrize("name", _LISTED)
def test_nothing_is_written_that_compiles_to_something_else(name: str) -> None:
    path: Path = ROOT / name
    tree = ast.parse(path.read_text("utf-8"))

    assert [*_patterns(tree), *_questions(tree)] == []


@pytest.mark.parametrize(
    "source",
    [
        "match x:\n  case [int(size)]:\n    pass",
        "match x:\n  case [None | str() as reason]:\n    pass",
        "def f(size: int) -> bool:\n  return isinstance(size, bool)",
    ],
)
def test_the_forms_that_were_found_are_known(source: str) -> None:
    tree = ast.parse(source)

    assert len([*_patterns(tree), *_questions(tree)]) == 1


def _written(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Dataclasses whose `__init__` is written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("init=False" in ast.unparse(one) for one in node.decorator_list):
            yield node


def _field(node: ast.AnnAssign) -> tuple[str, str, str | None]:
    return (
        ast.unparse(node.target),
        ast.unparse(node.annotation),
        None if node.value is None else ast.unparse(node.value),
    )


def _argument(node: ast.arg, default: ast.expr | None) -> tuple[str, str, str | None]:
    annotation = "" if node.annotation is None else ast.unparse(node.annotation)
    return node.arg, annotation, None if default is None else ast.unparse(default)


@pytest.mark.parametrize("name", _LISTED)
def test_an_init_that_is_written_out_is_the_one_that_a_dataclass_would_make(name: str) -> None:
    for node in _written(ast.parse((ROOT / name).read_text("utf-8"))):
        fields = [_field(one) for one in node.body if isinstance(one, ast.AnnAssign)]
        made = next(one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
        given = made.args.args[1:]
        defaults = [None] * (len(given) - len(made.args.defaults)) + made.args.defaults
        stored = [ast.unparse(one) for one in made.body]

        assert [_argument(*pair) for pair in zip(given, defaults, strict=True)] == [
            field for field in fields if field[2] is None or not field[2].startswith("field(init=False")
        ]
        assert stored[: len(given)] == [f"object.__setattr__(self, '{one.arg}', {one.arg})" for one in given]
