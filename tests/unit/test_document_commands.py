"""Every command that a document shows exists, with its options; every make target that one names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bureaus.__main__ import main as bureaunet
from gateway.__main__ import main as gateway

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = {"bureaunet": bureaunet, "bureaunet-gateway": gateway}
LINE = re.compile(r"(?:^|[ /])(bureaunet(?:-gateway)?) ([a-z-][^\n|>#;]*)")
TARGET = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)


def code(text: str) -> Iterator[str]:
    """Lines that are code: fenced, indented by four, or between single backticks."""
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line
        else:
            yield from re.findall(r"`([^`\n]+)`", line)


def shown() -> Iterator[tuple[str, str, str]]:
    """(document, program, what follows) of every command line in a document."""
    for document in DOCUMENTS:
        text = document.read_text("utf-8").replace("\\\n", " ")
        for line in code(text):
            for program, rest in LINE.findall(line):
                yield document.name, program, rest


@pytest.mark.parametrize(("document", "program", "rest"), sorted(set(shown())))
def test_a_command_that_a_document_shows_exists_with_its_options(document: str, program: str, rest: str) -> None:
    words = rest.split()
    command: click.Command | None = PROGRAMS[program]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None, f"{document}: {program} {rest}"
    known = {
        option for one in command.get_params(click.Context(command)) for option in (*one.opts, *one.secondary_opts)
    }
    said = {word.strip("[](),.").partition("=")[0] for word in words if word.strip("[(").startswith("--")}
    assert said <= known, f"{document}: {program} {rest}: {sorted(said - known)}"


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {(one.name, target) for one in DOCUMENTS for target in TARGET.findall(one.read_text("utf-8"))}
    assert len(named) > 10
    assert sorted(one for one in named if one[1] not in targets) == []


def test_the_documents_show_commands_to_hold_to() -> None:
    documents = {document for document, _, _ in shown()}
    assert {"README.md", "operators.md", "integrators.md", "records.md"} <= documents
    assert len(set(shown())) > 80
