"""What pages must say, worked out in plain Python from the rows of a vendor's database: no SQL, none of the product's arithmetic."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from proto.entities import BY_NAME
from tests.fix_demo import NAMES, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, Any]
EPOCH = date(1970, 1, 1)
ABSENT = ("НП", "ОТ", "УП", "Б")


def day_of(number: int | None) -> date | None:
    """A canonical date."""
    return None if number is None else EPOCH + timedelta(days=number)


def number_of(day: date) -> int:
    """The date as canonical rows hold it."""
    return (day - EPOCH).days


class Reference:
    """One organisation, read at a moment of its own time."""

    def __init__(self, url: str, organisation: str, now: datetime) -> None:
        self.now = round((now - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001  the school's own time
        self.tables: dict[str, list[Row]] = {}
        for name, rows in canonical(url, organisation, NAMES).items():
            fields = [described.name for described in BY_NAME[name].fields]
            self.tables[name] = [dict(zip(fields, row, strict=True)) for row in rows.values()]
        self.by_id = {name: {row["id"]: row for row in rows} for name, rows in self.tables.items()}
        self.works_of: defaultdict[str, list[Row]] = defaultdict(list)
        for work in self.tables["assignment"]:
            if not work["deleted"] and (work["published_at"] is None or work["published_at"] <= self.now):
                self.works_of[work["lesson_id"]].append(work)
        self.marks_of: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for mark in self.tables["mark"]:
            self.marks_of[mark["assignment_id"], mark["pupil_id"]].append(mark)
        self.code_of = {
            (event["lesson_id"], event["pupil_id"]): event["corrected_code"] or event["submitted_code"]
            for event in self.tables["attendance_event"]
        }

    def memberships(self, pupil: str) -> list[Row]:
        """The pupil's places on rolls of groups."""
        return [row for row in self.tables["group_membership"] if row["pupil_id"] == pupil]

    def lessons(self, pupil: str, first: date, last: date, *, exempt: bool = True) -> list[Row]:
        """Lessons of the pupil's groups on days on which the pupil was on their rolls."""
        found = {}
        for place in self.memberships(pupil):
            if place["exempt"] and not exempt:
                continue
            since = max(number_of(first), place["from_date"] or 0)
            until = min(number_of(last), (place["to_date"] or 10**6) - 1)
            for lesson in self.tables["lesson"]:
                if lesson["teaching_group_id"] == place["teaching_group_id"] and since <= lesson["date"] <= until:
                    found[lesson["id"]] = lesson
        return list(found.values())

    def numbers(self, pupil: str, term: Row) -> dict[str, list[tuple[Fraction, Fraction]]]:
        """Numeric marks of a term as (value, weight), by group."""
        found: dict[str, list[tuple[Fraction, Fraction]]] = {}
        for place in self.memberships(pupil):
            group = place["teaching_group_id"]
            if self.by_id["teaching_group"][group]["year_id"] != term["year_id"]:
                continue
            pairs = found.setdefault(group, [])
            for lesson in self.tables["lesson"]:
                if lesson["teaching_group_id"] == group and term["start_date"] <= lesson["date"] <= term["end_date"]:
                    for work in self.works_of[lesson["id"]]:
                        pairs += [pair for mark in self.marks_of[work["id"], pupil] if (pair := number(mark, work))]
        return found

    def attendance(self, pupil: str, first: date, last: date) -> dict[str, Any]:
        """Lessons and days missed, by the written rules."""
        held = [
            (lesson, self.code_of.get((lesson["id"], pupil)))
            for lesson in self.lessons(pupil, first, last, exempt=False)
            if lesson["state"] in ("held", "distance") or (lesson["state"] is None and lesson["filled_at"] is not None)
        ]
        held = [(lesson, code) for lesson, code in held if code != "ОСВ"]
        planned = [code for lesson, code in held if code or lesson["filled_at"] is not None]
        days: defaultdict[date, list[str | None]] = defaultdict(list)
        for lesson, code in held:
            days[EPOCH + timedelta(days=lesson["date"])].append(code)
        whole = {day: codes for day, codes in days.items() if all(code in ABSENT for code in codes)}
        reasons = [max(ABSENT, key=lambda code: (codes.count(code), -ABSENT.index(code))) for codes in whole.values()]
        return {
            "lessons": Counter(code for _, code in held if code in (*ABSENT, "ОП")),
            "missed": sum(code in ABSENT for _, code in held),
            "planned": len(planned),
            "held": len(held),
            "days": Counter(reasons),
        }

    def debts(self, pupil: str, since: date, today: date) -> set[tuple[str, str]]:
        """Works that are owed, and why."""
        found = set()
        for lesson in self.lessons(pupil, since, today, exempt=False):
            for work in self.works_of[lesson["id"]]:
                kinds = {mark["value_kind"] for mark in self.marks_of[work["id"], pupil]}
                if kinds == {"duty"}:
                    found.add((work["id"], "duty"))
                elif not kinds and work["mandatory"] and work["due_date"] and work["due_date"] < number_of(today):
                    found.add((work["id"], "overdue"))
        return found


def number(mark: Row, work: Row) -> tuple[Fraction, Fraction] | None:
    """Value and weight of a numeric mark."""
    if mark["value_kind"] != "numeric" or mark["value"] is None:
        return None
    weight = next(one for one in (mark["weight"], work["weight"], 100) if one is not None)
    return Fraction(mark["value"], 100), Fraction(weight, 100)


def means(pairs: Iterable[tuple[Fraction, Fraction]]) -> tuple[Fraction | None, Fraction | None]:
    """Plain and weighted mean; weight 0 counts in neither."""
    counted = [(value, weight) for value, weight in pairs if weight]
    if not counted:
        return None, None
    total = sum(weight for _, weight in counted)
    return Fraction(sum(value for value, _ in counted), len(counted)), sum(v * w for v, w in counted) / total
