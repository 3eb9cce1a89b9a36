"""A class as its teacher sees it: who is missing, who is at risk and why, whom to call (pure)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.store.figures import MISSED, LessonPlace, count
from portal import staff_names as names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from collector.store.class_days import Place
    from collector.store.classes import AtRisk, Reason
    from collector.store.people import Contact, Pupil
    from portal.words import Words

_ABSENCE: Final = frozenset({"absent_10", "absent_20", "absent_days"})
KINDS: Final[Mapping[str, frozenset[str]]] = {
    "two": frozenset({"two"}),
    "one_three": frozenset({"one_three"}),
    "one_four": frozenset({"one_four"}),
    "falling": frozenset({"falling"}),
    "absence": _ABSENCE,
    "debts": frozenset({"debts"}),
}
"""Filters of the risk list: word in the address → kinds of reasons."""


@dataclass(frozen=True, slots=True)
class PupilRow:
    """A pupil on the roll, with today and the week."""

    number: int
    pupil: Pupil
    today: tuple[Place, ...]  # lessons of today with a code
    week_missed: int
    week_late: int
    reasons: int
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True)
class Roll:
    """The class's list; `entered` of `held` lesson-places of today have their attendance submitted."""

    rows: tuple[PupilRow, ...]
    held: int
    entered: int

    @property
    def missing(self) -> int:
        """Pupils who missed a lesson today."""
        return sum(any(place.code in MISSED for place in row.today) for row in self.rows)

    @property
    def unknown(self) -> int:
        """Of them, those whose reason nobody has given yet."""
        return sum(any(place.code == "ОТ" for place in row.today) for row in self.rows)


def roll(
    pupils: Sequence[Pupil],
    places: Iterable[Place],
    risks: Iterable[AtRisk],
    contacts: Iterable[Contact],
    today: date,
) -> Roll:
    """The list of a class for a day, with the week around it."""
    by_pupil: defaultdict[str, list[Place]] = defaultdict(list)
    for place in places:
        by_pupil[place.pupil].append(place)
    reasons = {one.pupil.pupil: len(one.reasons) for one in risks}
    reach: defaultdict[str, list[Contact]] = defaultdict(list)
    for contact in contacts:
        reach[contact.pupil].append(contact)
    rows = tuple(
        _row(number, one, by_pupil[one.pupil], reasons.get(one.pupil, 0), reach[one.pupil], today)
        for number, one in enumerate(pupils, 1)
    )
    day = [place for own in by_pupil.values() for place in own if place.day == today]
    return Roll(rows, len(day), sum(place.submitted for place in day))


def _row(
    number: int, pupil: Pupil, places: Sequence[Place], reasons: int, contacts: Sequence[Contact], today: date
) -> PupilRow:
    week = count(LessonPlace(place.day, place.code, place.submitted) for place in places)
    coded = tuple(place for place in places if place.day == today and place.code and place.code != "ПР")
    return PupilRow(number, pupil, coded, week.missed, week.lessons.get("ОП", 0), reasons, tuple(contacts))


def chosen(risks: Sequence[AtRisk], what: str) -> tuple[AtRisk, ...]:
    """Pupils with a reason of the filter; with "" all."""
    if what not in KINDS:
        return tuple(risks)
    return tuple(one for one in risks if any(reason.kind in KINDS[what] for reason in one.reasons))


def totals(risks: Iterable[AtRisk]) -> dict[str, int]:
    """Pupils by filter."""
    kinds = [{reason.kind for reason in one.reasons} for one in risks]
    return {what: sum(bool(own & wanted) for own in kinds) for what, wanted in KINDS.items()}


def sentence(reason: Reason, words: Words) -> str:
    """The reason in words: «двойка: алгебра»."""
    number = int(reason.value or 0)
    if reason.kind == "absent_days":
        return words.ngettext("%(num)s day running without a reason", "%(num)s days running without a reason", number)
    if reason.kind == "debts":
        return words.ngettext("%(num)s work owed", "%(num)s works owed", number)
    return words.gettext(
        names.REASONS[reason.kind], subject=reason.subject or "", decimal=words.hundredths(reason.value)
    )


def tone(reason: Reason) -> str:
    """How grave: "bad" for what has happened, "late" for what may, "" for a chance to do better."""
    if reason.kind in ("two", "absent_20", "absent_days"):
        return "bad"
    return "" if reason.kind == "one_four" else "late"
