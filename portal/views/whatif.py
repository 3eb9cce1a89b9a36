"""The calculator «что нужно для 4»: what was typed, what the mean becomes, which marks reach the goal (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from collector.store.marks import SubjectMark, expected_mark, means, needed
from portal.views.marks import GOALS, SCALE, arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.store.marks import SubjectMarks
    from portal.words import Words

MOST_MARKS: Final = 20
_MARKS: Final = re.compile(r"[\s,;+]*(?:[1-5][\s,;+]*){0,20}", re.ASCII)
_LARGEST: Final = Decimal(100)
_WEIGHT: Final = re.compile(r"\d{1,3}(\.\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says. `wrong`: names of fields that were not understood and stand as if left empty."""

    goal: int
    weight: Decimal
    more: tuple[int, ...]
    typed: str
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A weighted mean: its text, how it was computed, which mark it stands for."""

    value: str
    how: str
    expected: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of it. `after`: with the marks that were typed, None without any."""

    now: Figure
    after: Figure | None
    reached: bool
    ways: tuple[str, ...]
    impossible: bool


def read(goal: str, weight: str, more: str) -> Asked:
    """The form's fields; what does not fit is named and left out."""
    wrong = []
    aim = int(goal) if goal in map(str, GOALS) else GOALS[1]
    if goal and goal != str(aim):
        wrong.append("goal")
    weighs = _weight(weight)
    if weighs is None:
        wrong.append("weight")
    fits = _MARKS.fullmatch(more) is not None
    if not fits:
        wrong.append("more")
    marks = tuple(int(sign) for sign in more if sign in "12345") if fits else ()
    return Asked(aim, weighs or Decimal(1), marks, more[: 4 * MOST_MARKS], tuple(wrong))


def answer(words: Words, subject: SubjectMarks, asked: Asked) -> Answer:
    """Today's mean, the mean with the marks that were typed, and the shortest ways to the goal from there."""
    added = [*subject.marks, *(_further(value, asked.weight) for value in asked.more)]
    found = needed(added, asked.goal, asked.weight, [value for value in SCALE if value >= asked.goal])
    ways = tuple(_way(words, need.value, need.count) for need in found if need.count)
    return Answer(
        now=_figure(words, subject.marks),
        after=_figure(words, added) if asked.more else None,
        reached=any(need.count == 0 for need in found),
        ways=ways,
        impossible=not ways and all(need.count is None for need in found),
    )


def _figure(words: Words, marks: Iterable[SubjectMark]) -> Figure:
    listed = list(marks)
    value = words.hundredths(means(listed)[1].value)
    how = arithmetic(words, listed)[1]
    return Figure(value, how and f"{how} = {value}", expected_mark(listed))


def _further(value: int, weight: Decimal) -> SubjectMark:
    """A mark that is only thought of."""
    return SubjectMark("", "", "numeric", Decimal(value), str(value), weight, None, "", "", None, None)


def _way(words: Words, value: int, count: int) -> str:
    return words.ngettext("%(num)s more mark %(mark)s", "%(num)s more marks %(mark)s", count, mark=value)


def _weight(text: str) -> Decimal | None:
    """A weight above 0 up to 100 with at most two places; 1 where none is typed."""
    typed = text.strip().replace(",", ".") or "1"
    found = Decimal(typed) if _WEIGHT.fullmatch(typed) else Decimal(0)
    return found if 0 < found <= _LARGEST else None
