"""Quantiles of times that are counted, not listed."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bureaus.secretariat.evaluation.use import Times


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=1), st.floats(min_value=0.01, max_value=1.0))
def test_a_quantile_is_the_smallest_that_a_share_of_all_do_not_exceed(took: list[int], share: float) -> None:
    listed = sorted(took)[max(0, math.ceil(share * len(took)) - 1)]
    assert Times(1.0, Counter(took)).quantile(share) == listed


def test_of_none_there_is_none() -> None:
    assert Times(0.0001).to_json() == {"median": None, "p99": None}
