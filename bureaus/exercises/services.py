"""What an exercise asks of the secretariat's services: how much of it, and how quickly people work at it.

All of it has defaults, so that every exercise has notices, questions to the databases and hits, a few of each.
docs/exercises.md has the format; wishes.py draws from it who asks for what.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bureaus.exercises.data import Data
from bureaus.exercises.staff import Delay, Share

_Few = Annotated[int, Field(ge=0, le=100)]


class Services(Data):
    """The table `[services]` of an exercise's file."""

    notices: Share = 0.1
    """The share of cases whose owners want a notice or a diffusion."""
    notices_most: _Few = 5
    """And how many those are at most; nought is none."""
    diffusions: Share = 0.2
    """Of those, how many their owners circulate themselves."""
    incomplete: Share = 0.3
    """Of the red ones, how many lack the assurance at first, which is asked for and given."""
    below: Share = 0.2
    """Of the red ones, how many are about too small a penalty, and refused."""
    searches: Share = 1.0
    """Of those published, about how many somebody asks the databases."""
    tips: Share = 0.4
    """Of the notices published, about how many the public of some country says something."""
    screening: Delay = Delay(median_minutes=40, p95_minutes=180)
    """Working time of each of the secretariat's people for each decision."""
    sighting: Delay = Delay(median_minutes=60, p95_minutes=300)
    """Working time from a publication until somebody meets the person, or has something to tell."""
    confirming: Delay = Delay(median_minutes=3, p95_minutes=20)
    """Working time of an owner until it says whether its notice still stands."""
