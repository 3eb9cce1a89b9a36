"""Who may speak for a school: one agent at a time, by random tokens. Pure: clock and randomness are passed in.

    Hello(token) ──▶ current or next? ──▶ holder, at once (its old stream is cut)
         │                                    └─▶ Welcome(fresh next) ──▶ first frame confirms: current := that next
         └─ neither: stale ──▶ refused while a holder lives; afterwards a new epoch

Until the first frame after a Welcome both tokens pass, so that a Welcome lost on the way locks nobody out. Every Welcome replaces
an unconfirmed next: two streams of one agent never hold the same token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Claim(Enum):
    """What a Hello's token is worth."""

    HOLDER = "holder"
    STALE = "stale"  # and nobody holds the lease
    HELD = "held"  # stale, and another holder lives


@dataclass(frozen=True, slots=True)
class Lease:
    """Lease of one school; ``until_ms`` is the moment (ms since 1970, UTC) at which its holder is given up."""

    current: bytes = b""
    next: bytes = b""
    until_ms: int = 0

    def passes(self, token: bytes) -> bool:
        """Is this the confirmed token, or the one that the last Welcome gave?"""
        return token == self.current or (token == self.next and bool(token))


def claim(lease: Lease, token: bytes, now_ms: int) -> Claim:
    """Judge the token of a Hello. A school that never had a lease has the empty token as its current one."""
    if lease.passes(token):
        return Claim.HOLDER
    return Claim.HELD if now_ms < lease.until_ms else Claim.STALE


def welcome(lease: Lease, token: bytes, fresh: bytes, until_ms: int) -> Lease:
    """The lease after a Welcome that hands out ``fresh``; a Hello with the next token proves that it arrived."""
    current = token if token and token == lease.next else lease.current
    return Lease(current, fresh, until_ms)


def use(lease: Lease, token: bytes, now_ms: int, until_ms: int) -> Lease | None:
    """The lease after a frame of the stream that was welcomed with ``token``; None: the stream has lost it.

    The end of a lease ends its stream too: whoever comes after it must not meet late frames of the one before.
    """
    if now_ms >= lease.until_ms or not lease.passes(token):
        return None
    if token == lease.next:
        return Lease(token, b"", until_ms)
    return replace(lease, until_ms=until_ms)


def keep(lease: Lease, token: bytes, now_ms: int, until_ms: int) -> Lease | None:
    """The lease while its connection answers, though no frame came: longer, but nothing is confirmed. None: lost."""
    if now_ms >= lease.until_ms or not lease.passes(token):
        return None
    return replace(lease, until_ms=until_ms)
