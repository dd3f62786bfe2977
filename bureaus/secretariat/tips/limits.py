"""How much of the public is served at a time, without knowing anybody apart: all of them share what is here.

It is in memory alone and forgotten at the end. Times are those of a clock that only goes forward.

Crowd      so many connections, and of one network; who has brought nothing for longest goes first
Bucket     so many a minute, of everybody together
Forms      a form is good once, not before a person could have filled it in, and not for ever
Guesses    after a secret that was wrong, the next for the same tip has to wait, longer each time
"""

from __future__ import annotations

import hmac
import math
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence
from ipaddress import ip_address, ip_network
from typing import Final, Generic, TypeVar

from schemas.errors import Forbidden, Reason, Unavailable

_FREE: Final = 3
"""Secrets that may be wrong before the next has to wait."""
_REMEMBERED: Final = 4096
"""Tips whose wrong guesses are remembered; the oldest are forgotten first."""
_USED: Final = 65_536
"""Used forms that are remembered; while so many are, no more are taken."""


_NEAR: Final = {4: 24, 6: 48}
"""Bits of an address that are its network's."""
_One = TypeVar("_One", bound=Hashable)


def network_of(address: str) -> str:
    """The network that an address is in: 256 neighbours in IPv4, a site in IPv6."""
    there = ip_address(address.partition("%")[0])
    if there.version == 6 and there.ipv4_mapped is not None:
        there = there.ipv4_mapped
    return str(ip_network((there, _NEAR[there.version]), strict=False))


class Crowd(Generic[_One]):
    """Who is connected. It decides whom to cut, and cuts nobody: whoever is named here is then `gone`.

    Somebody rests who has no whole request here: they may for `wait` seconds. Somebody works whose request is in hand,
    body and answer included: they may for `work` seconds, and after `wait` no longer at the cost of others.
    """

    def __init__(self, most: int, most_near: int | None, wait: float, work: float, clock: Callable[[], float]) -> None:
        """`most` connections, `most_near` of them from one network; None where networks say nothing."""
        self._most, self._most_near = most, most_near
        self._wait, self._work, self._clock = wait, work, clock
        self._resting: OrderedDict[_One, float] = OrderedDict()
        self._working: OrderedDict[_One, float] = OrderedDict()
        self._near: dict[_One, str] = {}
        self._counts: Counter[str] = Counter()

    def come(self, one: _One, near: str) -> _One | None:
        """Somebody connects from a network: who is to be cut so that there is room; `one` itself where nobody is."""
        self._resting[one], self._near[one] = self._clock(), near
        self._counts[near] += 1
        if self._most_near is not None and self._counts[near] > self._most_near:
            return self._least(one, near)
        return self._least(one, None) if len(self._near) > self._most else None

    def _least(self, one: _One, near: str | None) -> _One:
        """Who has brought nothing for longest, of a network or of all; else whose work takes too long; else `one`."""
        late = self._clock() - self._wait
        slow = [other for other, since in self._working.items() if since <= late]
        may = (other for other in (*self._resting, *slow) if other != one and near in {None, self._near[other]})
        return next(may, one)

    def works(self, one: _One) -> None:
        """A request of theirs is in hand from now on."""
        if self._resting.pop(one, None) is not None:
            self._working[one] = self._clock()

    def rests(self, one: _One) -> None:
        """It was answered: they rest from now on."""
        if self._working.pop(one, None) is not None:
            self._resting[one] = self._clock()

    def gone(self, one: _One) -> None:
        """They are connected no longer: nothing of them stays. Said once more it changes nothing."""
        self._resting.pop(one, None)
        self._working.pop(one, None)
        near = self._near.pop(one, None)
        if near is not None:
            self._counts[near] -= 1
            self._counts += Counter()  # forgets networks with none

    def over(self) -> Sequence[_One]:
        """Whose time is over."""
        now = self._clock()
        return (
            *(one for one, since in self._resting.items() if now - since >= self._wait),
            *(one for one, since in self._working.items() if now - since >= self._work),
        )


class Bucket:
    """Lets `a_minute` through, and as many at once after a quiet minute."""

    def __init__(self, a_minute: int, clock: Callable[[], float]) -> None:
        self._most, self._rate, self._clock = float(a_minute), a_minute / 60, clock
        self._left, self._seen = self._most, clock()

    def take(self) -> None:
        """Let one through.

        Raises:
            Unavailable: `overloaded`, with the seconds until the next may.
        """
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            wait = max(1, math.ceil((1 - self._left) / self._rate))
            raise Unavailable(Reason.OVERLOADED, "many people are writing now; try again soon", retry_after=wait)
        self._left -= 1


class Forms:
    """Marks for forms. What a mark says is its own time, under a key that ends with the process."""

    def __init__(self, least: float, most: float, clock: Callable[[], float]) -> None:
        """Seconds that a form has to be out at least, and may be at most."""
        self._least, self._most, self._clock = least, most, clock
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[bytes, float] = OrderedDict()

    def new(self) -> str:
        """A mark for a form that is shown now."""
        said = f"{self._clock():.3f}.{secrets.token_hex(8)}"
        return f"{said}.{self._sign(said)}"

    def use(self, mark: str, bucket: Bucket) -> None:
        """Take a form that came back, if the bucket lets it through.

        Only what goes through is remembered as used: a flood lasts as long as somebody floods, not as long as forms
        are good.

        Raises:
            Forbidden: `not-accepted`, it is none of ours, was used, came at once or too late. Unavailable:
                `overloaded`, too many came or were used lately.
        """
        said, _, signature = mark.rpartition(".")
        if not said.isascii() or not hmac.compare_digest(signature.encode(errors="replace"), self._sign(said).encode()):
            raise Forbidden(Reason.NOT_ACCEPTED, "this page was shown before a restart; please send it once more")
        now, shown = self._clock(), float(said.partition(".")[0] + "." + said.split(".")[1])
        self._forget(now)
        if now - shown > self._most:
            raise Forbidden(Reason.NOT_ACCEPTED, "this page was open for too long; please send it once more")
        if now - shown < self._least:
            raise Forbidden(Reason.NOT_ACCEPTED, "this page came back at once; please send it once more")
        if signature.encode() in self._used:
            raise Forbidden(Reason.NOT_ACCEPTED, "this page was sent before")
        if len(self._used) >= _USED:
            raise Unavailable(Reason.OVERLOADED, "many people are writing now; try again soon", retry_after=60)
        bucket.take()
        self._used[signature.encode()] = now

    def _forget(self, now: float) -> None:
        while self._used and now - next(iter(self._used.values())) > self._most:
            self._used.popitem(last=False)

    def _sign(self, said: str) -> str:
        return hmac.digest(self._key, said.encode(errors="replace"), "sha256").hex()


class Guesses:
    """Wrong secrets by tip."""

    def __init__(self, longest: float, clock: Callable[[], float]) -> None:
        self._longest, self._clock = longest, clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def may(self, number: str) -> bool:
        """Whether a secret for this tip may be tried now; it counts as wrong until `right` says otherwise."""
        failures, until = self._failed.get(number, (0, 0.0))
        now = self._clock()
        if now < until:
            return False
        failures += 1
        wait = 0.0 if failures < _FREE else min(2.0 ** min(failures - _FREE, 20), self._longest)
        self._failed[number] = failures, now + wait
        self._failed.move_to_end(number)
        if len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)
        return True

    def right(self, number: str) -> None:
        """The last one was right."""
        self._failed.pop(number, None)
