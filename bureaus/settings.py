"""Every limit of the SDK, with its unit and default, in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bureau's program does by itself, and how often."""

    lifetime_seconds: int = 7 * 24 * 3600
    """From iat to exp of what we seal, where there is no later time to answer by."""
    submissions: int = 8
    """Envelopes in the hands of the gateway at one time."""
    acknowledgements: int = 8
    """Acknowledgements in the hands of the gateway at one time."""
    handlers: int = 16
    """Handlers that run at one time."""
    handler_attempts: int = 3
    """Failures of a handler after which its message is acknowledged as refused, `handler-failed`."""
    handler_retry_seconds: float = 0.5
    """From a handler's first failure to its next run; four times as long after each further one."""
    resealings: int = 3
    """Times that one message is sealed again because a key was rotated, or our clock is off."""
    backoff_first_seconds: float = 0.2
    """Longest wait after a link's first failure; doubles with each further one. The wait is a random part of it."""
    backoff_last_seconds: float = 30.0
    """Longest wait at all, unless the gateway asks for longer."""
    refresh_seconds: float = 60.0
    """Between two looks for a newer directory, newer operations and a newer tree head."""
    reread_seconds: float = 3600.0
    """Between two readings of the inbox from its start: what was hidden behind a false place comes then."""
    refresh_pause_seconds: float = 1.0
    """Least time between two refreshes that were asked for by what somebody else sent."""
    covered_seconds: float = 5.0
    """A new directory version may take so long until a checkpoint covers it."""
    proofs: bool = True
    """Whether the proof of every accepted message is fetched and kept without being asked for."""
    proofs_at_once: int = 4
    """Proofs fetched at one time."""
    witness: bool = True
    """Whether checkpoints are cosigned, where the directory names us as a witness."""
    witness_seconds: float = 10.0
    """Between two looks for a checkpoint to cosign, or for the quorum of a proof that awaits it."""
    gossip_seconds: float = 10.0
    """Between two rounds in which the newest heads that we heard are held against ours."""
    witness_idle_seconds: float = 60.0
    """The same where nothing was new for a while: the pause doubles up to this."""


DEFAULT = Limits()
