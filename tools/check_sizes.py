"""Keeps files and functions small. Run as `python -m tools.check_sizes`; exits 1 and names what is too long.

Rules: no Python file over 400 lines; no function over 80; nine functions in ten at most 30. A function's
length is counted from its `def` to its last line, docstring included. Tests count like everything else.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.repo_files import ROOT, repo_files

FILE_LINES = 400
FUNCTION_LINES = 80
FUNCTION_LINES_P90 = 30


class Function(NamedTuple):
    """One function: where it stands and its length in lines."""

    path: Path
    line: int
    name: str
    length: int


def functions(path: Path, source: str) -> Iterator[Function]:
    """Yield every function and method of one file, nested ones too."""
    for node in ast.walk(ast.parse(source, filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            yield Function(path, node.lineno, node.name, end - node.lineno + 1)


def percentile90(lengths: list[int]) -> int:
    """Return the smallest length that nine in ten do not exceed; 0 for none."""
    ordered = sorted(lengths)
    return ordered[-(-9 * len(ordered) // 10) - 1] if ordered else 0


def complaints(sources: dict[Path, str]) -> list[str]:
    """Return one line for each broken rule."""
    found: list[Function] = []
    said: list[str] = []
    for path, source in sources.items():
        try:
            found += functions(path, source)
        except SyntaxError as error:
            said.append(f"{path}:{error.lineno}: does not parse: {error.msg}")
    lines = {path: len(source.splitlines()) for path, source in sources.items()}
    said += [f"{path}: {count} lines, over {FILE_LINES}" for path, count in lines.items() if count > FILE_LINES]
    said += [
        f"{path}:{line}: {name} has {length} lines, over {FUNCTION_LINES}"
        for path, line, name, length in found
        if length > FUNCTION_LINES
    ]
    p90 = percentile90([function.length for function in found])
    if p90 > FUNCTION_LINES_P90:
        said.append(f"function length: 90th percentile is {p90}, over {FUNCTION_LINES_P90}")
    return said


def main() -> int:
    """Check every Python file of the repository; return the exit code."""
    sources = {path.relative_to(ROOT): path.read_text("utf-8") for path in repo_files(".py")}
    said = complaints(sources)
    print("\n".join(said) or f"sizes: {len(sources)} files kept small")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
