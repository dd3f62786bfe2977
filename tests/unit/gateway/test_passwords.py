"""Passwords are kept by Argon2id with the parameters named, and compared at the same cost for everyone."""

from __future__ import annotations

import asyncio

import pytest

from gateway import passwords
from gateway.passwords import Passwords, hashed
from schemas.errors import Misuse, Unavailable

GOOD = "correct horse battery"


async def test_a_password_is_salted_and_found_again() -> None:
    first, second = hashed(GOOD), hashed(GOOD)
    assert first != second
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    compare = Passwords()
    assert await compare.matches(GOOD, first)
    assert not await compare.matches(f"{GOOD} ", first)
    assert not await compare.matches(GOOD, None)


async def test_what_is_too_long_is_compared_with_its_beginning_and_one_byte() -> None:
    longest = "x" * passwords.LONGEST
    compare = Passwords()
    kept = hashed(longest)
    assert await compare.matches(longest, kept)
    assert not await compare.matches(longest + "y", kept)


@pytest.mark.parametrize("bad", ["", "elevenchars", "x" * 257])
def test_short_and_endless_ones_are_refused(bad: str) -> None:
    with pytest.raises(Misuse, match="12 characters"):
        hashed(bad)


async def test_a_flood_of_attempts_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "QUEUE", 2)
    compare = Passwords()
    flood = await asyncio.gather(*(compare.matches("guess", None) for _ in range(6)), return_exceptions=True)
    assert [one for one in flood if one is False] == [False, False]
    assert sum(isinstance(one, Unavailable) for one in flood) == 4
