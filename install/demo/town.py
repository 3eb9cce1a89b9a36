"""Families that two organisations share, the same whichever of them is built first: brothers and sisters, movers, circle-goers."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from install.demo import people
from install.demo.schoolyear import SchoolYear

if TYPE_CHECKING:
    from datetime import date

    from install.demo.people import Family, Person
    from install.demo.spec import SchoolSpec

_EARLY: Final = 30  # school days after which the first of the movers is gone


@dataclass(frozen=True, slots=True)
class Resident:
    """A child of a shared family and the number of the school that it attends when the school-year begins."""

    child: Person
    family: Family
    school: int


@dataclass(frozen=True, slots=True)
class Mover:
    """A pupil who leaves one school of the pair on ``left`` and is admitted by the other on ``arrived``."""

    child: Person
    family: Family
    parallel: int
    origin: int
    target: int
    left: date
    arrived: date


def _pair(spec: SchoolSpec) -> tuple[int, int] | None:
    neighbour = spec.neighbour
    if neighbour is None:
        return None
    first, second = sorted((spec.number, neighbour.number))
    return first, second


def residents(spec: SchoolSpec) -> list[Resident]:
    """Children of shared families of the school's pair: the eldest goes to the first school, the others to the second."""
    pair = _pair(spec)
    return [] if pair is None else _residents(spec, pair)


def _residents(spec: SchoolSpec, pair: tuple[int, int]) -> list[Resident]:
    rng = Random(f"{spec.seed}/families/{pair[0]}")
    found: list[Resident] = []
    wanted = 3 + spec.rows // 20_000
    while wanted:
        family = people.family(rng, rng.randint(4, 11), spec.year)
        fitting = [child for child in family.children if 1 <= people.parallel_of(child.birth, spec.year) <= 11]
        if len(fitting) > 1:
            wanted -= 1
            found += [Resident(child, family, pair[child is not fitting[0]]) for child in fitting]
    return found


def circle_goers(spec: SchoolSpec) -> list[Resident]:
    """Shared children of the first pair of the same part of the city, who also attend its organisation of further education."""
    first = spec.block * 5 + 1
    return _residents(spec, (first, first + 1))


def movers(spec: SchoolSpec) -> list[Mover]:
    """Pupils who change between the two schools of the pair in the course of the year, whether that day has come or not."""
    pair = _pair(spec)
    if pair is None:
        return []
    rng = Random(f"{spec.seed}/movers/{pair[0]}/{spec.year}")
    days = SchoolYear(spec.year).school_days
    found = []
    for index in range(2 + spec.rows // 40_000):
        parallel = rng.randint(1, 11)
        family = people.family(rng, parallel, spec.year)
        place = rng.randint(8, len(days) - 20 if index else _EARLY)
        origin, target = pair if index % 2 else pair[::-1]
        mover = Mover(
            family.children[0], family, parallel, origin, target, days[place], days[place + rng.randint(0, 3)]
        )
        found.append(mover)
    return found
