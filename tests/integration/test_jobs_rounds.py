"""What the collector does by itself: stored values are read back in turn, old keys are left behind, old ledger lines folded."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.department import Department
from collector.ingest.notify import HealthNotifier
from collector.jobs import Jobs
from collector.store import schools
from collector.store.engine import Database
from collector.store.keys import key_year
from collector.store.keytext import key_hash
from proto.entities import ENTITIES
from tests.fix_applier import Applier, row_of, table
from tests.fix_department import SCHOOL

pytestmark = pytest.mark.integration
NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
EPOCH, OLD_EPOCH = b"e" * 16, b"o" * 16


@pytest.fixture
def round_(founded: Department, jobs: Database) -> Jobs:
    """The jobs of a department with one school, under their own login."""
    return Jobs(founded, jobs, HealthNotifier(jobs.plain))


@pytest.fixture
def school(founded: Department, store: Any, ingest: Database) -> Applier:
    """That school, with a few rows."""
    applier = Applier(store, ingest, founded.keys, SCHOOL, NOW - timedelta(days=1))
    applier.apply(
        table("subject", *(row_of("subject", str(key)) for key in range(5))), table("person", row_of("person", "p1"))
    )
    return applier


def whole_round(jobs: Jobs, now: datetime = NOW) -> int:
    """Pages until the school was read whole."""
    pages = 1
    while jobs.check_page(SCHOOL, now) is False:
        pages += 1
    return pages


def state(applier: Applier) -> tuple[Any, ...]:
    return applier.select("SELECT stored_at, deep_cursor FROM gorod.school_state WHERE school_id = %s", SCHOOL)[0]


def damages(applier: Applier) -> list[dict[str, str]]:
    return [
        details for (details,) in applier.select("SELECT details FROM gorod.event WHERE kind = 'damaged' ORDER BY id")
    ]


def test_a_whole_round_stamps_the_time_at_which_it_began(round_: Jobs, school: Applier) -> None:
    assert round_.check_page(SCHOOL, NOW) is False
    while round_.check_page(SCHOOL, NOW + timedelta(hours=1)) is False:
        pass
    assert state(school) == (NOW, None)


def test_one_page_is_one_entity_at_most_and_the_cursor_survives(round_: Jobs, school: Applier) -> None:
    round_.check_page(SCHOOL, NOW)
    stored_at, cursor = state(school)
    assert stored_at is None
    assert cursor["entity"] == 1
    assert whole_round(round_) == len(ENTITIES) - 1


def test_a_school_that_was_read_within_the_period_rests(round_: Jobs, school: Applier) -> None:
    whole_round(round_)
    assert round_.check_page(SCHOOL, NOW + timedelta(days=6)) is None
    assert round_.check_page(SCHOOL, NOW + timedelta(days=8)) is False
    assert damages(school) == []


def test_damage_becomes_an_event_without_the_key_and_no_stamp_is_given(
    round_: Jobs, school: Applier, caplog: pytest.LogCaptureFixture
) -> None:
    with school.store.owner() as owner:
        owner.execute("UPDATE gorod.subject SET name = 'другое' WHERE source_id = '3'")
    with caplog.at_level(logging.ERROR):
        whole_round(round_)
    assert damages(school) == [{"entity": "subject", "key_hash": key_hash("3").hex(), "kind": "value"}]
    assert state(school) == (None, None)
    assert "другое" not in caplog.text
    assert SCHOOL in caplog.text


def test_the_same_damage_is_told_once_in_a_period(round_: Jobs, school: Applier) -> None:
    """The round begins again at once, because no stamp was given."""
    with school.store.owner() as owner:
        owner.execute("UPDATE gorod.subject SET name = 'другое' WHERE source_id = '3'")
    whole_round(round_)
    whole_round(round_, NOW + timedelta(hours=1))
    assert len(damages(school)) == 1
    whole_round(round_, NOW + timedelta(days=8))
    assert len(damages(school)) == 2


def test_damage_that_was_mended_ends_with_a_stamp(round_: Jobs, school: Applier) -> None:
    with school.store.owner() as owner:
        owner.execute("UPDATE gorod.subject SET name = 'другое' WHERE source_id = '3'")
    whole_round(round_)
    with school.store.owner() as owner:
        owner.execute("UPDATE gorod.subject SET name = 'текст' WHERE source_id = '3'")
    whole_round(round_, NOW + timedelta(hours=1))
    assert state(school)[0] == NOW + timedelta(hours=1)


async def test_one_school_whose_keys_are_missing_does_not_keep_the_others_waiting(
    founded: Department, round_: Jobs, school: Applier
) -> None:
    with founded.database.begin(scope="*", school="11-000") as connection:
        schools.add(connection, schools.NewSchool("11-000", "Без ключа"), NOW)
    ids = await asyncio.to_thread(round_._schools)
    assert ids == ["11-000", SCHOOL]
    assert await round_._check(ids)
    assert state(school) != (None, None)


def test_schools_whose_access_has_ended_are_left_alone(founded: Department, round_: Jobs) -> None:
    with founded.database.begin(scope="*", school=SCHOOL) as connection:
        schools.revoke(connection, SCHOOL, NOW)
    assert round_._schools() == []


# ---- folding


def ledger(applier: Applier, *lines: tuple[bytes, int, datetime]) -> None:
    """Lines of the ledger: epoch, seq, when they came."""
    with applier.store.owner() as owner:
        owner.cursor().executemany(
            "INSERT INTO gorod.ledger (school_id, epoch, seq, hash, received_at, header, rows, applied, unchanged, quarantined)"
            " VALUES ('23-001', %s, %s, '', %s, '', 0, 0, 0, 0)",
            lines,
        )


@pytest.fixture
def folded(round_: Jobs, school: Applier) -> Callable[[], list[tuple[bytes, int]]]:
    """Folds, and tells which lines are left."""
    with school.store.owner() as owner:
        owner.execute("UPDATE gorod.school_state SET epoch = %s, seq = 3000", [EPOCH])

    def fold() -> list[tuple[bytes, int]]:
        round_._fold([SCHOOL])
        return [
            (bytes(epoch), seq) for epoch, seq in school.select("SELECT epoch, seq FROM gorod.ledger ORDER BY 1, 2")
        ]

    return fold


def test_old_lines_go_and_the_newest_thousand_of_the_epoch_stay(
    folded: Callable[[], list[tuple[bytes, int]]], school: Applier
) -> None:
    old, young = datetime.now(UTC) - timedelta(days=61), datetime.now(UTC) - timedelta(days=59)
    ledger(school, (EPOCH, 1, old), (EPOCH, 1999, old), (EPOCH, 2000, old), (EPOCH, 3000, old), (EPOCH, 2, young))
    assert folded() == [(EPOCH, 2), (EPOCH, 2000), (EPOCH, 3000)]


def test_old_lines_of_an_earlier_epoch_go_whatever_their_number(
    folded: Callable[[], list[tuple[bytes, int]]], school: Applier
) -> None:
    old, young = datetime.now(UTC) - timedelta(days=61), datetime.now(UTC) - timedelta(days=1)
    ledger(school, (OLD_EPOCH, 2999, old), (OLD_EPOCH, 3001, young))
    assert folded() == [(OLD_EPOCH, 3001)]


def test_old_comparisons_go_too(folded: Callable[[], list[tuple[bytes, int]]], school: Applier) -> None:
    with school.store.owner() as owner:
        for days in (61, 1):
            owner.execute(
                "INSERT INTO gorod.digest (school_id, at, epoch, seq, equal, frame) VALUES ('23-001', %s, '', 1, true, '')",
                [datetime.now(UTC) - timedelta(days=days)],
            )
    folded()
    assert len(school.select("SELECT 1 FROM gorod.digest")) == 1


# ---- the turn of the school-year

AUTUMN = NOW + timedelta(days=365)


def sealed_under(applier: Applier) -> set[int]:
    return {year for (year,) in applier.select("SELECT key_year FROM gorod.person")}


def test_after_the_turn_living_rows_are_sealed_anew_and_the_check_stays_sound(
    round_: Jobs, school: Applier, caplog: pytest.LogCaptureFixture
) -> None:
    sums = school.totals()
    assert round_.seal_page(SCHOOL, NOW) is None
    with caplog.at_level(logging.INFO, "collector.jobs"):
        assert round_.seal_page(SCHOOL, AUTUMN) is False
        assert round_.seal_page(SCHOOL, AUTUMN) is True
    assert sealed_under(school) == {2027}
    assert [record.getMessage() for record in caplog.records] == [f"school {SCHOOL}: 1 rows sealed anew, 0 do not open"]
    school.now = AUTUMN
    assert school.totals() == sums
    whole_round(round_, AUTUMN)
    assert (state(school), damages(school)) == ((AUTUMN, None), [])


def test_what_was_sealed_under_the_old_key_after_the_pass_is_found_within_the_hour(
    round_: Jobs, school: Applier
) -> None:
    """The stream reads its keys once a minute: at the turn it may use the old ones a little longer."""
    while round_.seal_page(SCHOOL, AUTUMN) is False:
        pass
    school.apply(table("person", row_of("person", "late")))  # its clock still shows last year
    assert sealed_under(school) == {2026, 2027}
    assert round_.seal_page(SCHOOL, AUTUMN + timedelta(minutes=59)) is None
    assert round_.seal_page(SCHOOL, AUTUMN + timedelta(minutes=61)) is False
    assert sealed_under(school) == {2027}


def test_a_school_is_looked_through_again_at_each_turn(round_: Jobs, school: Applier) -> None:
    round_.seal_page(SCHOOL, datetime(2026, 8, 31, 23, 59, 59, tzinfo=UTC))
    assert round_.seal_page(SCHOOL, datetime(2027, 9, 1, tzinfo=UTC)) is False
    assert round_.seal_page(SCHOOL, datetime(2027, 9, 1, tzinfo=UTC)) is True
    assert round_.seal_page(SCHOOL, datetime(2028, 9, 1, tzinfo=UTC)) is False
    assert sealed_under(school) == {2028}


# ---- the loop


async def test_the_loop_reads_seals_folds_and_tells_the_portal(
    founded: Department, round_: Jobs, school: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.now -= timedelta(days=365)
    school.apply(table("person", row_of("person", "of last year")))
    marked: list[str] = []
    monkeypatch.setattr(round_._notifier, "mark", marked.append)
    monkeypatch.setattr("collector.jobs._REST_FACTOR", 0)
    monkeypatch.setattr("collector.jobs._SHORTEST_PAUSE_S", 0.0)
    task = asyncio.create_task(round_.run())
    for _wait in range(500):
        if marked and len(sealed_under(school)) == 1:
            break
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert marked[0] == SCHOOL
    assert state(school)[0] is not None
    assert sealed_under(school) == {key_year(datetime.now(UTC))}
    del founded
