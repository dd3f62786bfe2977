"""The page says what the report says, first what is missing; it is whole, escaped, self-contained, and bounded."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from bureaus.auditor import Verdict, exchange_row
from bureaus.page import exchange as exchanges
from bureaus.page import record as pages
from bureaus.page import words
from bureaus.page.record import page, write_page
from schemas.codes import Answer, Handling, Purpose
from schemas.errors import Reason, Untrusted
from schemas.evidence import Event
from schemas.exchanges import Report
from schemas.record import verify_record
from tests.world import BR, FR, Log, first_directory, first_operation, full_log

_VOID = {"meta", "link", "br", "hr", "img"}
HOSTILE = "Infra <script>alert(1)</script> \"'& sea"


class Outline(HTMLParser):
    """What a page is made of; every element must be closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(one == tag for one, _ in self.tags)


def report_of(log: Log) -> Report:
    return verify_record(io.BytesIO(log.record()).read, log.network)


@pytest.fixture(scope="module")
def log() -> Log:
    return full_log()


@pytest.fixture(scope="module")
def report(log: Log) -> Report:
    return report_of(log)


def outline(verdict: Verdict, log: Log) -> Outline:
    parts: list[str] = []
    write_page(replace(verdict, sha256=bytes(range(32))), log.network, "op.record", parts.append)
    return Outline("".join(parts))


def test_it_tells_who_asked_whom_and_what_is_missing_before_anything_else(log: Log, report: Report) -> None:
    said = outline(Verdict(report), log).said
    assert "It verifies." in said
    assert "AR has not given a final answer." in said
    assert "BR has not been given its copy of the whereabouts query of FR." in said
    assert said.index("What is missing or void How much") < said.index("Fingerprint of the network file")
    assert "FR sent a signed whereabouts query to BR, AR, which was accepted" in said
    assert "BR sent a signed whereabouts response to FR, which was accepted: the final answer" in said
    assert "AR refused, signed, the whereabouts query of FR (commitment)" in said
    assert "2011-07-07" in said
    assert "expired" in said


def test_it_says_what_it_rests_on(log: Log, report: Report) -> None:
    said = outline(Verdict(report), log).said.replace(" ", "")
    assert log.network.id.hex() in said
    assert report.root.hex() in said
    assert bytes(range(32)).hex() in said
    assert f"{report.size}entries,signed" in said


def test_it_has_no_script_and_nothing_from_elsewhere(log: Log, report: Report) -> None:
    text = "".join(page(Verdict(report), log.network, "op.record"))
    made = Outline(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in made.tags}
    for _, attributes in made.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert "@media print" in text
    assert "prefers-color-scheme: dark" in text


def test_it_has_headings_in_order_a_caption_on_each_table_and_anchors_that_lead_somewhere(
    log: Log, report: Report
) -> None:
    made = outline(Verdict(report), log)
    assert ("html", {"lang": "en"}) in made.tags
    assert made.count("h1") == made.count("main") == 1
    assert made.count("table") == made.count("caption") > 3
    levels = [int(tag[1]) for tag, _ in made.tags if tag in {"h1", "h2", "h3"}]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in made.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(attributes.get("href") or "")[1:] for tag, attributes in made.tags if tag == "a"}
    assert targets <= set(ids)
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in made.tags if tag == "th")


def test_text_of_others_is_escaped() -> None:
    log = Log()
    log.publish_directory(first_directory())
    log.publish_operation(replace(first_operation(), name=HOSTILE))
    log.submit(aud=(BR,))
    verdict = Verdict(report_of(log))
    text = "".join(page(verdict, log.network, "<img src=x>.record"))
    assert "<script" not in text
    assert "<img" not in text
    assert HOSTILE in outline(verdict, log).said


def test_a_record_that_does_not_verify_says_so_and_why_first(log: Log) -> None:
    error = Untrusted(Reason.RECORD_GAP, "at byte 7, entry 3: <b>entry 3</b> of the operation is missing")
    made = outline(Verdict(None, error), log)
    assert made.said.index("It does not verify.") < 200
    assert "numbered and chained, and the chain is broken" in made.said
    assert "<b>entry 3</b> of the operation is missing" in made.said
    assert "It verifies" not in made.said


def test_what_the_answer_clock_said_of_each_recipient_is_in_its_timeline() -> None:
    log = Log()
    log.publish_directory(first_directory())
    log.publish_operation(first_operation())
    query = log.submit(aud=(BR,))
    for event in words.CLOCK:
        log.within(event, digest=query.digest, party=BR)
    report = report_of(log)
    said = outline(Verdict(report), log).said
    assert "noted that BR had not answered the whereabouts query of FR in time" in said
    assert "reminded BR of its answer to the whereabouts query of FR" in said
    row = exchange_row(report.exchanges[0])
    assert '"clock": [{"event": "AnswerReminder", "time": ' in json.dumps(row)
    assert report.exchanges[0].opening.overdue is not None


def test_nothing_missing_is_said_too() -> None:
    whole = Log()
    whole.publish_directory(first_directory())
    whole.publish_operation(first_operation())
    query = whole.submit(aud=(BR,), reply_by=None)
    whole.consign(query, BR)
    whole.hand_over(query, BR)
    assert "Nothing is missing" in outline(Verdict(report_of(whole)), whole).said


def many(report: Report, count: int, *, incomplete: set[int]) -> Report:
    """So many exchanges, those at some places without an answer."""
    first = report.exchanges[0]
    done = replace(first, opening=replace(first.opening, reply_by=None, deliveries={}), replies=[])
    rows = tuple(first if number in incomplete else done for number in range(count))
    return replace(report, exchanges=rows)


def test_a_big_record_is_shown_in_part_what_is_incomplete_first_and_says_so(log: Log, report: Report) -> None:
    count = pages.EXCHANGES_SHOWN + 500
    made = outline(Verdict(many(report, count, incomplete={count - 1, 5})), log)
    assert made.count("details") == pages.EXCHANGES_SHOWN
    ids = {attributes.get("id") for tag, attributes in made.tags if tag == "details"}
    assert {f"e{count}", "e6", "e1"} <= ids
    assert f"This record holds {count:,} exchanges" in made.said
    assert "--json --exchanges" in made.said


def test_its_length_is_bounded_whatever_is_missing_and_it_comes_part_by_part(log: Log, report: Report) -> None:
    big = many(report, 5_000, incomplete=set(range(5_000)))
    sizes = [len(part) for part in page(Verdict(big), log.network, "op.record")]
    assert max(sizes) < 20_000
    assert sum(sizes) < 5_000_000
    listed = outline(Verdict(big), log).said.count("has not given a final answer.")
    assert listed == pages.SENTENCES_SHOWN + pages.EXCHANGES_SHOWN


def test_a_small_record_is_open_and_a_larger_one_closed(log: Log, report: Report) -> None:
    for count, opened in ((pages.OPENED, pages.OPENED), (pages.OPENED + 1, 0)):
        made = outline(Verdict(many(report, count, incomplete={0})), log)
        assert sum("open" in attributes for tag, attributes in made.tags if tag == "details") == opened


def test_an_exchange_of_many_steps_is_cut_in_words(log: Log, report: Report) -> None:
    first = report.exchanges[0]
    long = replace(first, replies=[replace(first.replies[0], deliveries={})] * (exchanges.STEPS_SHOWN + 5))
    said = outline(Verdict(replace(report, exchanges=(long,))), log).said
    assert f"The first {exchanges.STEPS_SHOWN} of" in said


def _coded() -> Iterator[tuple[set[str], set[str]]]:
    yield set(Answer), set(words.ANSWERS)
    yield set(Purpose), set(words.PURPOSES)
    yield set(Handling), set(words.HANDLING)


def test_every_code_has_its_words() -> None:
    for codes, told in _coded():
        assert codes == told
    assert set(words.EVENTS) == set(Event)
    assert words.kind("whereabouts.query/1") == "whereabouts query"
    assert words.reason(Reason.KEY_WEAK)


def test_a_time_beyond_every_calendar_is_shown_all_the_same(log: Log, report: Report) -> None:
    first = report.exchanges[0]
    far = replace(first, opening=replace(first.opening, time=1 << 60, sender=FR))
    assert str(1 << 60) in outline(Verdict(replace(report, exchanges=(far,))), log).said
