"""What findings come to: levels, exit of the command, the page."""

from __future__ import annotations

import json

from click.testing import CliRunner

from bureaus.__main__ import main
from bureaus.conformance.contract import Level
from bureaus.conformance.findings import Finding, Report, Trial, Verdict
from bureaus.conformance.page import render
from bureaus.conformance.sections import section_of, within

CORE, FULL, LIVE = (Trial(f"t/{level}", "5.4", level, "it is tried") for level in Level)


def report(*findings: Finding, links: tuple[str, ...] = ("http",), wanted: Level = Level.CORE) -> Report:
    made = Report("a program", links, wanted=wanted)
    made.add(findings)
    return made


def test_what_is_unsupported_is_no_part_of_the_level_core_but_of_full() -> None:
    findings = (Finding(CORE, Verdict.RIGHT), Finding(FULL, Verdict.UNSUPPORTED), Finding(LIVE, Verdict.RIGHT))
    assert report(*findings).level == "core"
    assert report(*findings, wanted=Level.FULL).passed is False
    assert report(Finding(CORE, Verdict.UNSUPPORTED)).passed is False
    assert report(Finding(LIVE, Verdict.UNSUPPORTED)).passed is False


def test_the_level_full_is_all_of_it_on_both_links() -> None:
    findings = (Finding(CORE, Verdict.RIGHT), Finding(FULL, Verdict.RIGHT), Finding(LIVE, Verdict.RIGHT))
    assert report(*findings, links=("http", "amqp")).level == "full"
    assert report(*findings).level == "core"
    assert report(*findings, links=()).level == "offline"


def test_nothing_tried_is_nothing_shown() -> None:
    assert report().passed is False
    assert report(Finding(CORE, Verdict.NOT_RUN)).passed is False
    assert report(Finding(CORE, Verdict.WRONG, "ok", "signature")).level == "none"


def test_what_is_wrong_is_told_by_section_with_what_was_expected() -> None:
    made = report(Finding(CORE, Verdict.WRONG, "signature", "ok"), Finding(LIVE, Verdict.RIGHT))
    assert list(made.lines()) == [
        "§ 5.4 Receipts: 1 of 2 right",
        "    t/core: it is tried",
        "        expected signature; got ok",
        "a program: 1 of 2 wrong (live over http)",
    ]
    assert json.loads(json.dumps(made.rows()))["sections"][0]["tests"][0]["got"] == "ok"


def test_the_page_says_what_a_program_said_as_text() -> None:
    page = render(report(Finding(CORE, Verdict.WRONG, "ok", "<script>alert(1)</script>")))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_section_is_itself_and_its_parts() -> None:
    assert within("1.3", "1")
    assert within("5.4", "5.4")
    assert not within("1", "1.3")
    assert section_of("statement/trailing", "cbor-trailing") == "1.1"
    assert section_of("statement/typ-other", "typ") == "1.5"


def test_the_command_ends_with_2_where_it_was_used_wrongly() -> None:
    run = CliRunner().invoke
    for arguments in ([], ["--command", "x", "--client-url", "http://x/"], ["--command", "x", "--only", "9.9"]):
        assert run(main, ["conformance", *arguments]).exit_code == 2
    assert "docs/conformance.md" in run(main, ["conformance", "--help"]).output
