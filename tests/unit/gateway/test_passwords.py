"""Passwords are kept by Argon2id with the parameters named, and compared at the same cost for everyone."""

from __future__ import annotations

import asyncio

import pytest

from gateway import passwords
from gateway.passwords import Passwords, guessable, hashed
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
    longest = ("a long synthetic phrase " * 20)[: passwords.LONGEST]
    compare = Passwords()
    kept = hashed(longest)
    assert await compare.matches(longest, kept)
    assert not await compare.matches(longest + "y", kept)


@pytest.mark.parametrize("bad", ["", "elevenchars", "x" * 257])
def test_short_and_endless_ones_are_refused(bad: str) -> None:
    with pytest.raises(Misuse, match="12 characters"):
        hashed(bad)


@pytest.mark.parametrize(
    "bad",
    [
        *("password1234", "P@ssw0rd2026!", "123456789012", "210987654321", "qwertyuiop12", "aaaaaaaaaaaa"),
        *("Welcome2026!!", "bureaunet2026", "zxcvbnm,./12", "1q2w3e4r5t6y", "letmein12345", "passwordpassword"),
        "ada.lovelace1",
    ],
)
def test_what_is_guessed_first_is_refused(bad: str) -> None:
    with pytest.raises(Misuse, match="guessed"):
        hashed(bad, "ada.lovelace")


@pytest.mark.parametrize("good", ["a wrong password", "fog over four hills", "kV8-tuG-2mx-9", "12 Pferde im Nebel"])
def test_what_somebody_made_up_is_taken(good: str) -> None:
    assert not guessable(good, "ada.lovelace")


async def test_a_flood_of_attempts_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "QUEUE", 2)
    compare = Passwords()
    flood = await asyncio.gather(*(compare.matches("guess", None) for _ in range(6)), return_exceptions=True)
    assert [one for one in flood if one is False] == [False, False]
    assert sum(isinstance(one, Unavailable) for one in flood) == 4
