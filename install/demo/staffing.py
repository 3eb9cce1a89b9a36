"""Who teaches what: teachers of a subject take groups until their week is full, then somebody else is hired."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from install.demo.curriculum import SPORT, SUBJECTS

if TYPE_CHECKING:
    from install.demo.curriculum import Subject
    from install.demo.roster import Roster, Teacher

_FULL_LOAD: Final = 24
_MEN: Final = frozenset({SPORT, 19, 21})  # subjects that men teach more often
_FACULTY: Final = {3: 1, 5: 4, 6: 4, 7: 4, 12: 11}  # subject → the subject whose teachers also give it


class Staffing:
    """Teachers by subject, with the hours that they have already."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._pools: defaultdict[int, list[Teacher]] = defaultdict(list)
        self._load: defaultdict[int, int] = defaultdict(int)

    def teacher(self, subject: Subject, weekly: int) -> Teacher:
        """Somebody who can give so many more lessons a week."""
        pool = self._pools[_faculty(subject)]
        free = [one for one in pool if self._load[one.id] + weekly <= _FULL_LOAD] or [self.hire(subject)]
        chosen = min(free, key=lambda one: (self._load[one.id], one.id))
        self._load[chosen.id] += weekly
        return chosen

    def hire(self, subject: Subject) -> Teacher:
        """Hire a teacher of a subject."""
        teacher = self._roster.teacher(_position(subject), woman=0.4 if subject.id in _MEN else 0.9)
        self._pools[_faculty(subject)].append(teacher)
        return teacher

    def keep(self) -> None:
        """Let the teachers of the roster go on with their subjects."""
        by_position = {_position(subject): subject for subject in SUBJECTS}
        for teacher in self._roster.teachers:
            if subject := by_position.get(teacher.position):
                self._pools[_faculty(subject)].append(teacher)


def _faculty(subject: Subject) -> int:
    return _FACULTY.get(subject.id, subject.id)


def _position(subject: Subject) -> str:
    return f"Учитель ({subject.name.lower()})"
