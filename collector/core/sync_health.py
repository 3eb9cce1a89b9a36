"""How a school's synchronisation stands, in one word of four. Pure.

silent   nothing was heard for silent_s                      error   somebody has to do something
late     heard of, but what the centre shows is older than late_s     ok
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

LEVELS: Final = ("ok", "late", "silent", "error")
_LOADING: Final = frozenset({"syncing", "adopting"})
# Classes of problems that pass by themselves; all others wait for a person.
_PASSING: Final = frozenset({"transient", "lease"})


@dataclass(frozen=True, slots=True)
class Limits:
    """After how many seconds a school counts as late, and as silent."""

    late_s: float
    silent_s: float


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a school; moments in UTC, None where there was none yet."""

    last_seen: datetime | None
    fresh_at: datetime | None
    complete_at: datetime | None
    state: str | None = None
    problem_kind: str | None = None
    problem_at: datetime | None = None
    differences: int = 0
    held: int = 0
    paused: int = 0
    waits_for_word: bool = False  # another source was offered and not confirmed


def level_of(signs: Signs, now: datetime, limits: Limits) -> str:
    """One of :data:`LEVELS`. A refused agent is an error while it still knocks, though nothing else is heard of it."""
    silent = _older(signs.last_seen, now, limits.silent_s)
    if silent and _older(signs.problem_at, now, limits.silent_s):
        return "silent"
    if _needs_a_person(signs):
        return "error"
    if silent:
        return "silent"
    return "late" if _is_late(signs, now, limits) else "ok"


def _needs_a_person(signs: Signs) -> bool:
    broken = signs.problem_kind is not None and signs.problem_kind not in _PASSING
    return broken or signs.state == "error" or signs.held > 0 or signs.paused > 0 or signs.waits_for_word


def _is_late(signs: Signs, now: datetime, limits: Limits) -> bool:
    if _older(signs.last_seen, now, limits.late_s):
        return True
    if signs.state in _LOADING:  # the first load, or a comparison after a restore, may take long: its progress is shown
        return False
    proofs = [moment for moment in (signs.fresh_at, signs.complete_at) if moment is not None]
    return signs.differences > 0 or _older(max(proofs, default=None), now, limits.late_s)


def _older(moment: datetime | None, now: datetime, seconds: float) -> bool:
    return moment is None or now - moment > timedelta(seconds=seconds)
