"""The report as one HTML page, with nothing fetched from anywhere."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from bureaus.conformance.findings import Finding, Report, Verdict
from bureaus.conformance.sections import heading

_STYLE: Final = Markup(
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;"
    "border-bottom:1px solid #ddd;overflow-wrap:anywhere}.wrong{background:#fdecea}.unsupported{color:#666}"
    "code{font-size:.9em}"
)
_PAGE: Final = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Conformance of {client}</title>'
    "<style>{style}</style></head>\n<body><h1>Conformance of {client}</h1>\n"
    "<p>{summary}</p>\n{notes}{sections}</body></html>\n"
)
_SECTION: Final = Markup(
    "<h2>{title}</h2>\n<table><thead><tr><th>Test</th><th>What is tried</th><th>Result</th></tr></thead>"
    "<tbody>\n{rows}</tbody></table>\n"
)
_ROW: Final = Markup('<tr class="{css}"><td><code>{id}</code></td><td>{says}</td><td>{result}</td></tr>\n')


def _row(one: Finding) -> Markup:
    css = str(one.verdict).replace(" ", "-")
    result = str(one.verdict)
    if one.verdict in (Verdict.WRONG, Verdict.NOT_RUN):
        css, result = "wrong", f"{one.verdict}: expected {one.expected}; got {one.got}"
    return _ROW.format(css=css, id=one.test.id, says=one.test.says, result=result)


def render(report: Report) -> str:
    """The page; whatever the program under test said is escaped."""
    sections = Markup("").join(
        _SECTION.format(title=heading(number), rows=Markup("").join(map(_row, found)))
        for number, found in report.sections().items()
    )
    notes = Markup("").join(Markup("<p>{note}</p>\n").format(note=note) for note in report.notes)
    return str(
        _PAGE.format(client=report.client, style=_STYLE, summary=report.summary(), notes=notes, sections=sections)
    )
