"""The page of a record, part by part: what is missing or contradicted stands first.

A page is for reading: of a big record it shows some exchanges, those with something missing before others, and says in
words how many it leaves out and where they are. What it takes to write is a part at a time; the report is in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from bureaus.auditor import Verdict
from bureaus.page import exchange as exchanges
from bureaus.page import parts, words
from schemas.exchanges import Exchange, Report
from schemas.network import Network

EXCHANGES_SHOWN: Final = 1000
OPENED: Final = 50
"""A record of at most so many exchanges is shown with all of them open."""
SENTENCES_SHOWN: Final = 200
REFUSALS_SHOWN: Final = 200
_CHECKS: Final = """\
The network file in the record is the one that was pinned, byte for byte.
The ledger's head in the record is signed by the ledger's own key, and every signature of a witness beside it verifies.
Every entry stands in the ledger at the place that it names: its path of hashes leads to that head.
The operation's entries are numbered without a gap, and each names the one before.
Every version of the directory of keys is signed by the authority, every version of the operation by its owner.
Every message is signed by its sender, with a key that the directory listed as valid then.
So is every confirmation by a recipient, and every receipt by the gateway.
Every sealed content that is still kept is the one that its sender signed. It stays sealed: nothing was opened.
Nothing contradicts what went before: one outcome for each message, no confirmation of what was never delivered.
""".splitlines()
_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>{title}</h1>
</header>
<main id="main">
"""


def write_page(verdict: Verdict, network: Network, name: str, write: Callable[[str], object]) -> None:
    """Write the page about the record in the file called `name`, verified against `network`, through `write`."""
    for part in page(verdict, network, name):
        write(part)


def page(verdict: Verdict, network: Network, name: str) -> Iterator[Markup]:
    """The page, part by part."""
    report = verdict.report
    title = "Record that does not verify" if report is None else f"Record of the operation {report.name}"
    style = Markup(files("bureaus.page").joinpath("style.css").read_text("utf-8"))  # noqa: S704  # our own file
    yield Markup(_HEAD).format(title=title, style=style)  # noqa: S704  # our own text
    yield from _verdict(verdict)
    if report is not None:
        yield from _contents(report)
        yield from _missing(verdict, report)
    yield from _basis(verdict, network, name)
    if report is not None:
        yield from _operation(report)
        yield from _bureaus(report)
        yield from _exchanges(report, name)
        yield from _refusals(report)
    yield Markup("</main>\n</body>\n</html>\n")


def _verdict(verdict: Verdict) -> Iterator[Markup]:
    if verdict.ok:
        yield Markup(
            '<p class="verdict good"><strong>It verifies.</strong> Every byte of this record was checked against the '
            "network file that was pinned, and holds. What is missing in the operation itself, such as an answer that "
            "was never given, is listed below.</p>\n"
        )
        return
    yield Markup('<div class="verdict bad"><p><strong>It does not verify.</strong> Do not rely on it.</p>\n')
    if verdict.error is not None:
        yield Markup("<p>{}</p>\n<p>What the check says: {} (<code>{}</code>)</p>\n").format(
            words.reason(verdict.error.reason), verdict.error.detail, verdict.error.reason
        )
        yield Markup("<p>Checking ended there: what stands behind that place was not looked at.</p>\n")
    elif verdict.receipts is not None:
        yield Markup("<p>The record does not hold what receipts that were kept elsewhere prove:</p>\n<ul>\n")
        for line in verdict.receipts.wrong[:SENTENCES_SHOWN]:
            yield Markup("<li>{}</li>\n").format(line)
        yield Markup("</ul>\n")
    yield Markup("</div>\n")


def _contents(report: Report) -> Iterator[Markup]:
    yield Markup('<nav aria-label="Contents"><ul>\n')
    for anchor, said in (
        ("missing", "What is missing or void"),
        ("basis", "What was checked, and what it rests on"),
        ("operation", "The operation"),
        ("bureaus", "By bureau"),
        ("exchanges", f"The exchanges ({len(report.exchanges):,})"),
        ("refusals", f"What was refused ({len(report.refusals):,})"),
    ):
        yield Markup('<li><a href="#{}">{}</a></li>\n').format(anchor, said)
    yield Markup("</ul></nav>\n")


def _missing(verdict: Verdict, report: Report) -> Iterator[Markup]:
    yield Markup('<h2 id="missing">What is missing or void</h2>\n')
    if report.provisional:
        yield Markup(
            '<p class="bad">Provisional: {} of the {} witnesses that must sign the ledger\'s head have signed it. '
            "Until the others have, nobody but the gateway stands for it that there is no second history.</p>\n"
        ).format(len(report.witnesses), report.quorum)
    if verdict.receipts is not None:
        counts = ", ".join(f"{count:,} {held}" for held, count in verdict.receipts.counts.items() if count)
        yield Markup("<p>Receipts that were kept elsewhere and compared: {}.</p>\n").format(counts or "none")
    for one in report.doubtful_heads[:SENTENCES_SHOWN]:
        yield Markup(
            '<p class="bad">{} signed, at entry {:,}, that the ledger of {:,} entries held other things than this one: '
            "it was shown another history, or it signed an untruth.</p>\n"
        ).format(one.party, one.index, one.head.size)
    missing = report.missing
    void = sum(message.void for exchange in report.exchanges for message in exchange.messages())
    if not missing and not void and not report.doubtful_heads:
        yield Markup(
            '<p class="good">Nothing is missing: every message was delivered and confirmed, every answer '
            "that was asked for was given, and no key was revoked.</p>\n"
        )
        return
    rows = [(words.MISSING.get(what, what), f"{count:,}") for what, count in missing.items()]
    rows += [("messages that are void, since their key was revoked from before on", f"{void:,}")] if void else []
    yield from parts.table("How much is missing or void", ("What", "How many"), rows)
    yield from _sentences(report)


def _sentences(report: Report) -> Iterator[Markup]:
    shown = 0
    yield Markup("<ul>\n")
    for number, exchange in enumerate(report.exchanges, 1):
        for sentence in exchanges.lacking(exchange):
            if shown == SENTENCES_SHOWN:
                yield Markup("</ul>\n<p>Only the first {} are listed here; the JSON has them all.</p>\n").format(shown)
                return
            shown += 1
            yield Markup("<li>Exchange {}: {}</li>\n").format(number, sentence)
    yield Markup("</ul>\n")


def _basis(verdict: Verdict, network: Network, name: str) -> Iterator[Markup]:
    report, genesis = verdict.report, network.genesis
    yield Markup('<h2 id="basis">What was checked, and what it rests on</h2>\n')
    yield Markup(
        "<p>Everything rests on one file that was handed over beforehand, the network file. Compare its fingerprint "
        "with one that you got another way, such as over the telephone: whoever could exchange that file could forge a "
        "record that verifies. No gateway was asked, and no network was used.</p>\n"
    )
    rows: list[tuple[str, object]] = [
        ("Network", f"{genesis.name}{' (an exercise)' if genesis.exercise else ''}"),
        ("Fingerprint of the network file", parts.fingerprint(network.id)),
        ("Authority", f"{genesis.threshold} of {parts.counted(len(genesis.authority), 'key')} began it"),
        ("File that was checked", name),
        ("SHA-256 of that file", parts.fingerprint(verdict.sha256)),
    ]
    if report is not None:
        witnesses = ", ".join(report.witnesses) or "none has signed"
        rows += [
            ("Length of that file", f"{report.length:,} bytes, {parts.counted(report.entries, 'entry', 'entries')}"),
            ("Ledger", genesis.policy.origin),
            (
                "Ledger's head",
                Markup("{} entries, signed {} UTC").format(
                    f"{report.size:,}", parts.moment(report.checkpoint_time * 1000)
                ),
            ),
            ("Root hash of that head", parts.fingerprint(report.root)),
            ("Witnesses", f"{witnesses}; {report.quorum} are asked for" if report.quorum else "the network names none"),
            ("Directory of keys", f"version {report.directory_version}"),
        ]
    yield from parts.pairs(rows)
    yield Markup("<h3>{}</h3>\n<ol>\n").format(
        "What was checked" if verdict.error is None else "What is checked, in turn"
    )
    for check in _CHECKS:
        yield Markup("<li>{}</li>\n").format(check)
    yield Markup(
        "</ol>\n<p>What a record cannot show: what was left out after its last entry (compare it with the receipts "
        "that bureaus keep), what was said outside this network, and what the sealed contents say. Times are by the "
        "gateway's clock, in UTC; the order of entries is the ledger's, and does not rest on a clock.</p>\n"
    )


def _operation(report: Report) -> Iterator[Markup]:
    times = [message.time for exchange in report.exchanges for message in exchange.messages()]
    period = (
        Markup("{} to {} UTC").format(parts.moment(min(times)), parts.moment(max(times))) if times else "no message"
    )
    yield Markup('<h2 id="operation">The operation</h2>\n')
    kept = f"{report.sealed:,} of {parts.counted(report.messages, 'message')}"
    yield from parts.pairs(
        [
            ("Name", report.name),
            ("Known as", report.operation),
            ("Phase at the end", report.phase),
            ("First and last message", period),
            ("Exchanges", f"{len(report.exchanges):,}, with {parts.counted(report.messages, 'message')}"),
            ("Sealed contents still kept", kept),
        ]
    )
    rows = ((words.event(event), f"{count:,}") for event, count in report.events.items())
    yield from parts.table("What the ledger recorded", ("What", "How many"), rows)


def _bureaus(report: Report) -> Iterator[Markup]:
    yield Markup('<h2 id="bureaus">By bureau</h2>\n')
    tallies: dict[str, Counter[str]] = {}
    for exchange in report.exchanges:
        for who in exchange.unanswered:
            tallies.setdefault(who, Counter())["owes"] += 1
        for message in exchange.messages():
            tallies.setdefault(message.sender, Counter())["sent"] += 1
            for side in message.deliveries.values():
                tally = tallies.setdefault(side.recipient, Counter())
                tally["addressed"] += 1
                tally["confirmed"] += side.handed_over is not None
    for refusal in report.refusals:
        tallies.setdefault(refusal.party or "unknown", Counter())["refused"] += 1
    columns = ("Bureau", "Messages sent", "Addressed to it", "Confirmed by it", "Answers it owes", "Refused of it")
    names = ("sent", "addressed", "confirmed", "owes", "refused")
    rows = ((who, *(f"{tally[name]:,}" for name in names)) for who, tally in sorted(tallies.items()))
    yield from parts.table("What each bureau sent, received and owes", columns, rows)


def _exchanges(report: Report, name: str) -> Iterator[Markup]:
    yield Markup('<h2 id="exchanges">The exchanges</h2>\n')
    chosen = _chosen(report.exchanges)
    if len(chosen) < len(report.exchanges):
        yield Markup(
            "<p>This record holds {} exchanges, more than a page can show: {} of them follow, those with something "
            "missing before others, in the ledger's order. All of them, for machines: "
            "<code>bureaunet verify {} --network NETWORK --json --exchanges</code></p>\n"
        ).format(f"{len(report.exchanges):,}", f"{len(chosen):,}", name)
    for number in chosen:
        yield from exchanges.show(number + 1, report.exchanges[number], opened=len(report.exchanges) <= OPENED)


def _chosen(all_of_them: tuple[Exchange, ...]) -> list[int]:
    """Positions of the exchanges to show, ascending."""
    if len(all_of_them) <= EXCHANGES_SHOWN:
        return list(range(len(all_of_them)))
    chosen: set[int] = set()
    for number, exchange in enumerate(all_of_them):
        if len(chosen) == EXCHANGES_SHOWN:
            break
        if exchanges.lacking(exchange):
            chosen.add(number)
    for number in range(len(all_of_them)):
        if len(chosen) == EXCHANGES_SHOWN:
            break
        chosen.add(number)
    return sorted(chosen)


def _refusals(report: Report) -> Iterator[Markup]:
    yield Markup('<h2 id="refusals">What was refused</h2>\n')
    if not report.refusals:
        yield Markup("<p>Nothing that was sent in this operation was refused on record.</p>\n")
        return
    columns = ("Time (UTC)", "Who sent it", "Why it was refused", "Evidence")
    rows = (
        (
            parts.moment(refusal.time),
            refusal.party or "unknown",
            Markup("<code>{}</code>").format(refusal.reason),
            Markup('<span class="quiet">entry {}, {}</span>').format(refusal.index, parts.digest(refusal.digest)),
        )
        for refusal in report.refusals[:REFUSALS_SHOWN]
    )
    yield from parts.table(
        "Messages that the gateway refused, signed, and that were delivered to nobody", columns, rows
    )
    if len(report.refusals) > REFUSALS_SHOWN:
        yield Markup("<p>The first {} of {} are shown.</p>\n").format(REFUSALS_SHOWN, f"{len(report.refusals):,}")
