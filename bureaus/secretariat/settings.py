"""Every limit of the secretariat's services, with its unit and its default. A file of TOML may say otherwise.

One table, one row a limit; rooms add theirs below their heading. Names of the file are the fields' names.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from schemas.errors import Misuse

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds unless a field says otherwise."""

    # ---- office
    outgoing_seconds: float = 1.0
    """How often what waits to be sent is looked for; what this process posts goes at once."""
    outgoing_batch: int = 64
    """Messages at a time."""
    outgoing_kept_seconds: int = 180 * DAY
    """That a message's row is kept once the gateway decided on it: no answer takes longer than 40 days."""
    standing_seconds: float = 60.0
    """How often the standing operation is held against the directory."""
    drain_seconds: float = 10.0
    """How long the end waits for what is under way; what is left goes at the next start."""

    # ---- notices
    notice_chore_seconds: float = 5.0
    """How often approved notices, endings and decisions are looked for; what this process decides goes at once."""
    screening_seconds: int = DAY
    """In which a person decides on a request, or asks for more; then it is overdue."""
    notice_seconds: int = 5 * YEAR
    """From a publication until the notice ends unless its owner confirms it."""
    notice_ask_seconds: int = 182 * DAY
    """So long before that its owner is asked."""

    # ---- databases
    record_seconds: int = 5 * YEAR
    """From an entry, or its owner's last look at it, until it is taken out."""
    record_ask_seconds: int = 182 * DAY
    """So long before that its owner is asked."""
    review_seconds: float = float(HOUR)
    """How often records are looked through for those whose owner is to be asked, or whose time is over."""
    name_candidates: int = 60
    """Records that the index brings before the matcher, for one name."""
    name_candidate_score: int = 65
    """Of 100: from here on a record is shown as a candidate. One part of two and the whole date come to about that."""
    name_hit_score: int = 90
    """Of 100: from here on a name with a whole date of birth that speaks for it is a hit."""
    name_by_chance_dated: int = 4
    """A candidate whose date of birth both know whole agrees so well that at most so many persons would by chance."""
    name_by_chance: int = 512
    """The same where one side knows no whole date: a question without one is answered with more people."""
    name_counted: int = 20_000
    """Records that are counted at most to learn how common a part of a name is; what more bear is as common."""
    persons_counted_seconds: float = float(HOUR)
    """How often all persons on record are counted anew, for the same."""
    hits_seconds: float = 1.0
    """How often new hits are looked for, whose owners are to be told or asked."""
    hit_repeat_seconds: int = 10 * MINUTE
    """An asker's bureau that has a hit on the same record again within this time opens no second confirmation."""
    question_log_seconds: int = YEAR
    """How long it stays known who asked when, and with what result."""

    # ---- duty desk, tips, pages
    staff_session_seconds: int = 12 * HOUR
    """A session of staff ends after this time, whatever happens."""
    staff_idle_seconds: int = 30 * MINUTE
    """And after this time without use."""
    staff_longest_wait: int = 15 * MINUTE
    """That an attempt to sign in has to wait at most, after others that failed."""
    page_connections: int = 256
    """Open connections of the staff's listener, and of the public's."""
    page_connections_near: int = 32
    """Of the public's listener from one network (IPv4 /24, IPv6 /48), where it speaks TLS: a proxy hides networks."""
    page_wait_seconds: float = 20.0
    """A connection may be without one whole request: its handshake, before its first, between two."""
    page_work_seconds: float = 180.0
    """A request may take, from its header until its answer was taken: pictures come over poor lines."""
    duty_reply_seconds: int = HOUR
    """In which a bureau that is asked again is to say something."""
    tips_a_minute: int = 30
    """Tips that the public page takes, from everybody together."""
    tip_reads_a_minute: int = 60
    """Attempts to read an answer by number and secret, of everybody together."""
    tip_secret_wait: int = 15 * MINUTE
    """That the next attempt at one tip's secret has to wait at most, after others that failed."""
    tip_form_least: float = 2.0
    """A form that comes back sooner was not filled in by a person."""
    tip_form_most: int = 2 * HOUR
    """A form is good for this time, and once."""
    tip_pictures: int = 3
    """Pictures with one tip."""
    tip_picture_bytes: int = 6 * 1024 * 1024
    """Of one picture as it is sent."""
    tip_picture_pixels: int = 40_000_000
    """Of one picture, opened."""
    tip_picture_side: int = 1600
    """Pixels: larger pictures are made smaller."""
    tip_upload_bytes: int = 96 * 1024 * 1024
    """That all forms together hold in memory while they come in; who comes when it is full is asked to come again."""
    tip_kept_days: int = 365
    """Days until what a closed tip said is erased."""

    # ---- results, quality, relays
    steps_seconds: float = 5.0
    """How often an operation's steps that were asked for by command are looked for; ours go at once."""
    progress_seconds: float = 300.0
    """How often an operation's progress is counted, and published where it changed."""
    relay_seconds: float = 30.0
    """How often relays whose delivery the network did not take are looked for."""


DEFAULT: Final = Settings()


def read(path: Path) -> Settings:
    """The settings of a file; what it does not name is as by default.

    Raises:
        Misuse: it cannot be read, names what there is not, or a value is no number above zero.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misuse(f"cannot read the settings in {path} ({type(error).__name__})") from None
    whole = {field.name: isinstance(field.default, int) for field in fields(Settings)}
    for name, value in given.items():
        if name not in whole:
            raise Misuse(f"{path}: there is no setting {name}; there are {', '.join(whole)}")
        if isinstance(value, bool) or not isinstance(value, int if whole[name] else int | float) or value <= 0:
            raise Misuse(f"{path}: {name} is a number above zero{', whole' if whole[name] else ''}")
    return Settings(**given)
