"""Each action of the living school changes exactly the rows that its notes name."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from install.demo.desk import ChangeNote
from install.demo.live import WEIGHTS, LiveSchool
from tests.fix_demo import NOW, Demo, Rows, everything


def differences(organisation: str, before: dict[str, Rows], after: dict[str, Rows]) -> set[ChangeNote]:
    """What really changed, found by comparing all canonical rows."""
    found = set()
    for entity, old in before.items():
        new = after[entity]
        for key in old.keys() | new.keys():
            if old.get(key) != new.get(key):
                kind = "insert" if key not in old else "delete" if key not in new else "update"
                found.add(ChangeNote(organisation, entity, key, kind))
    return found


def prepare(school: Demo, live: LiveSchool, action: str) -> None:
    """Whoever corrects needs something to correct."""
    rng = random.Random(5)
    if action in ("correct", "remove"):
        live.step(rng, NOW, "mark")
    if action == "visit":
        assert school.value("SELECT COUNT(*) FROM People")


@pytest.mark.parametrize("action", [name for name in WEIGHTS if name not in ("transfer", "change_class")])
def test_an_action_changes_what_its_notes_say(school: Demo, live: LiveSchool, rng: random.Random, action: str) -> None:
    prepare(school, live, action)
    before = everything(school.url, school.organisation)
    notes = live.step(rng, NOW + timedelta(minutes=5), action)
    assert notes
    assert differences(school.organisation, before, everything(school.url, school.organisation)) == set(notes)


def test_many_random_actions_change_what_their_notes_say(school: Demo, live: LiveSchool, rng: random.Random) -> None:
    before = everything(school.url, school.organisation)
    touched = {
        (note.entity, note.key) for minute in range(120) for note in live.step(rng, NOW + timedelta(minutes=minute))
    }
    changed = differences(school.organisation, before, everything(school.url, school.organisation))
    assert {(note.entity, note.key) for note in changed} <= touched
    assert len({entity for entity, _ in touched}) >= 5


def test_attendance_is_corrected_and_removed_too(live: LiveSchool, rng: random.Random) -> None:
    kinds = {
        note.kind
        for minute in range(250)
        for note in live.step(rng, NOW + timedelta(minutes=minute), "attendance")
        if note.entity == "attendance_event"
    }
    assert kinds >= {"insert", "update"}


def test_a_topic_makes_a_planned_lesson_a_held_one(school: Demo, live: LiveSchool, rng: random.Random) -> None:
    held = "SELECT COUNT(*) FROM ClassMeetings WHERE MeetingDate = ? AND StateCode = 1"
    assert school.value(held, str(NOW.date())) == 0
    for minute in range(60):
        live.step(rng, NOW + timedelta(minutes=minute), "topic")
    assert school.value(held, str(NOW.date())) > 0


def test_a_removed_mark_is_named_by_the_log(school: Demo, live: LiveSchool, rng: random.Random) -> None:
    live.step(rng, NOW, "mark")
    notes = live.step(rng, NOW, "remove")
    deleted = next(note for note in notes if note.kind == "delete")
    logged = school.query("SELECT MarkId, ChangedAt FROM JournalLog ORDER BY LogId DESC LIMIT 1")
    assert str(logged[0][0]) == deleted.key
    assert logged[0][1].startswith("2026-11-23 12:15:00")


def test_stamps_are_the_schools_local_time_to_the_millisecond(
    school: Demo, live: LiveSchool, rng: random.Random
) -> None:
    live.step(rng, NOW.replace(microsecond=987_654), "mark")
    row = school.query("SELECT SetAt, ChangedAt FROM Marks ORDER BY MarkId DESC LIMIT 1")
    assert row == [("2026-11-23 12:15:00", "2026-11-23 12:15:00.987")]


def test_the_same_chances_lead_to_the_same_life(demo: Callable[[int], Demo]) -> None:
    lives = []
    for _ in range(2):
        school = demo(1)
        rng = random.Random(11)
        with LiveSchool(school.url, school.organisation) as live:
            lives.append([live.step(rng, NOW + timedelta(seconds=second)) for second in range(40)])
    assert lives[0] == lives[1]


def test_further_education_lives_without_marks(demo: Callable[[int], Demo], rng: random.Random) -> None:
    circles = demo(3)
    with LiveSchool(circles.url, circles.organisation) as live:
        notes = [note for minute in range(80) for note in live.step(rng, NOW + timedelta(minutes=minute))]
    assert {"attendance_event", "lesson", "source_visit"} <= {note.entity for note in notes} <= {
        "attendance_event", "lesson", "source_visit", "journal_change", "announcement",
    }  # fmt: skip


def test_the_next_school_days_are_planned_as_time_passes(school: Demo, live: LiveSchool, rng: random.Random) -> None:
    latest = "SELECT MAX(MeetingDate) FROM ClassMeetings"
    before = school.value(latest)
    later = NOW + timedelta(days=12)
    notes = live.step(rng, later, "visit")
    assert school.value(latest) > before
    assert sum(note.entity == "lesson" for note in notes) > 0


@pytest.fixture
def pair(demo: Callable[[int], Demo]) -> Iterator[tuple[Demo, LiveSchool, Demo, LiveSchool]]:
    """Two schools that exchange pupils."""
    first, second = demo(1), demo(2)
    with LiveSchool(second.url, second.organisation) as there, LiveSchool(first.url, first.organisation, there) as here:
        yield first, here, second, there


def test_a_transfer_is_noted_and_seen_at_both_schools(
    pair: tuple[Demo, LiveSchool, Demo, LiveSchool], rng: random.Random
) -> None:
    first, here, second, _ = pair
    before = [everything(one.url, one.organisation) for one in (first, second)]
    notes = here.step(rng, NOW, "transfer")
    for one, old in zip((first, second), before, strict=True):
        own = {note for note in notes if note.organisation == one.organisation}
        assert own
        assert differences(one.organisation, old, everything(one.url, one.organisation)) == own


def test_who_was_transferred_is_the_same_person_with_a_new_number(
    pair: tuple[Demo, LiveSchool, Demo, LiveSchool], rng: random.Random
) -> None:
    first, here, second, _ = pair
    notes = here.step(rng, NOW, "transfer")
    line = next(
        note.key for note in notes if note.entity == "movement_line" and note.organisation == first.organisation
    )
    sql = """SELECT p.LastName, p.FirstName, p.BirthDate, p.PersonId FROM Students s JOIN People p ON p.PersonId = s.PersonId
             WHERE s.StudentId = ?"""
    left = first.query(sql, first.value("SELECT StudentId FROM DecreeLines WHERE DecreeLineId = ?", int(line)))[0]
    pupil = next(note.key for note in notes if note.entity == "pupil")
    arrived = second.query(sql, int(pupil))[0]
    assert arrived[:3] == left[:3]
    assert arrived[3] != left[3]


def test_without_a_neighbour_a_transfer_is_a_change_of_class_or_a_visit(live: LiveSchool, rng: random.Random) -> None:
    notes = live.step(rng, NOW, "transfer")
    assert {note.entity for note in notes} <= {
        "enrollment",
        "group_membership",
        "movement_order",
        "movement_line",
        "source_visit",
    }


def test_a_failed_action_leaves_nothing_behind(
    school: Demo, live: LiveSchool, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = school.tables()

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(live.desk, "log", fail)
    with pytest.raises(OSError, match=r"^$"):
        live.step(rng, NOW, "mark")
    assert school.tables() == before
    monkeypatch.undo()
    assert {note.entity for note in live.step(rng, NOW, "visit")} == {"source_visit"}
