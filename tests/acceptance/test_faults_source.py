"""The school's database changes under the agent's hands: scenarios 4, 8, 10, 22 and 24, the guard, and the turn of the year."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from collector.store import schools
from install.demo.access import make_readonly
from install.demo.turn import purge_year, turn_year
from tests.acceptance.churn import churn, stamp
from tests.acceptance.processes import refused
from tests.fix_world import SPEC

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer
    from tests.acceptance.world import City, School, Source

pytestmark = [pytest.mark.acceptance, pytest.mark.integration]


def ask_for_a_full_sweep(school: School) -> None:
    """`school resync`, without the command's start."""
    with school.city.opened() as department, department.database.begin(scope="*", school=school.id) as connection:
        schools.request_resync(connection, school.id, datetime.now(UTC))


def swept_and_same(school: School) -> None:
    """A full sweep that began now is complete, and both sides are the same."""
    asked = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ask_for_a_full_sweep(school)
    school.until(lambda: (school.status().get("complete_at") or "") > asked, f"complete after {asked}")
    school.until_same()


# ---- scenario 4


def test_a_source_restored_to_yesterday_and_moved_on_is_followed(
    synced: School, tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 4. Given version 100 shipped; when the database is restored to 70 and moved on before the next poll; then the event is shown; same."""
    older = synced.source.copy(tmp_path / "yesterday.db")
    synced.source.live(rng, 40)
    synced.until_same()
    synced.source.replace(older)
    synced.source.live(rng, 60)
    synced.until_same()
    synced.until(lambda: "restored" in synced.events(), "the event is shown")
    assert synced.state_of_centre()["held"] == 0


def test_a_postgres_source_restored_from_a_dump_is_followed(
    new_school: Callable[..., School], postgres_source: Source, postgres: EmbeddedServer, rng: random.Random
) -> None:
    """Scenario 4 on PostgreSQL: the database is dropped and made again from yesterday's copy."""
    name = postgres_source.write_url.rpartition("/")[2]
    postgres.create_database(f"{name}_yesterday", template=name)
    school = new_school(postgres_source).start().complete()
    postgres_source.live(rng, 30)
    school.until_same()
    postgres.drop_database(name)
    school.until_problem("GOR-1313")
    postgres.create_database(name, template=f"{name}_yesterday")
    make_readonly(postgres_source.write_url, postgres_source.password)
    postgres_source.live(rng, 40)
    school.until_same()
    school.until(lambda: "restored" in school.events(), "the event is shown")


# ---- scenarios 8 and 24


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_changes_while_it_is_read_arrives_as_it_is_in_the_end(
    kind: str, new_school: Callable[..., School], request: pytest.FixtureRequest, rng: random.Random
) -> None:
    """Scenario 8. Given rows updated, deleted, key-changed while their chunk is read; then the final state equals the source."""
    source = request.getfixturevalue("postgres_source") if kind == "postgres" else None
    school = new_school(source).start(page_rows="40")
    school.until(lambda: school.head()[1] > 2, "the first sweep is on its way")
    churn(school.source, rng, 150)
    school.until(lambda: school.status().get("complete_at"), "the first sweep is over")
    swept_and_same(school)


def test_interleaved_sweeps_let_no_stale_page_win_and_delete_nothing_falsely(
    new_school: Callable[..., School], rng: random.Random
) -> None:
    """Scenario 24. Given hint, hot and full sweeps at the shortest periods while rows change, move out of the window and change key; then same."""
    school = new_school().start(sweep_hint_ms="1", sweep_hot_s="0.1", sweep_full_s="0.1", page_rows="100").complete()
    churn(school.source, rng, 200, beside=lambda number: None if number % 40 else ask_for_a_full_sweep(school))
    swept_and_same(school)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_sweeps_interleave_for_minutes(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 24, long form; the guard is off, because in a day's time so many deletions would be held."""
    school = own_city(guard_delete_rows="0", guard_update_rows="0").add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    school.start(sweep_hint_ms="1", sweep_hot_s="0.1", sweep_full_s="0.1", page_rows="60").complete()
    for _time in range(20):
        churn(school.source, rng, 300, 0.003, lambda number: None if number % 60 else ask_for_a_full_sweep(school))
        swept_and_same(school)


# ---- scenario 10

POISON = {
    "text_nul": ("lesson", "ClassMeetings", "MeetingId", "Topic", "тема\0тема"),
    "text_too_long": ("announcement", "Announcements", "AnnouncementId", "Title", "Т" * 300_000),
    "number_format": ("mark", "Marks", "MarkId", "MarkValue", "пять"),
    "number_range": ("period_result", "PeriodResults", "ResultId", "MarkValue", 10**12),
}


def poison(source: Source) -> set[tuple[str, str]]:
    """One row of four tables gets a value that the centre cannot hold; (entity, key) of each."""
    spoilt = set()
    with source.vendor() as vendor:
        for entity, table, key, column, value in POISON.values():
            newest = f"SELECT MAX({key}) FROM {table} WHERE OrgCode = ?"  # noqa: S608  names above
            number = vendor.value(newest, source.organisation)
            sql = f"UPDATE {table} SET {column} = ?, ChangedAt = ? WHERE OrgCode = ? AND {key} = ?"  # noqa: S608  names above
            vendor.execute(sql, value, stamp(), source.organisation, number)
            spoilt.add((entity, str(number)))
    return spoilt


def cure(source: Source) -> None:
    with source.vendor() as vendor:
        for _entity, table, key, column, value in POISON.values():
            sql = f"UPDATE {table} SET {column} = ?, ChangedAt = ? WHERE OrgCode = ? AND {column} = ?"  # noqa: S608  names above
            vendor.execute(
                sql, "5" if key.startswith(("Mark", "Res")) else "Исправлено", stamp(), source.organisation, value
            )


def test_poison_rows_are_held_alone_with_their_cause_and_a_correction_heals_them(
    synced: School, rng: random.Random
) -> None:
    """Scenario 10. Given rows that the target cannot hold; then only those keys are quarantined with cause, others pass, replay and the fix heal."""
    spoilt = poison(synced.source)
    synced.source.live(rng, 20)
    synced.until_same(besides=spoilt)
    held = synced.city.command("quarantine", "list", "--school", synced.id).ok()
    assert {(row["entity"], row["key"]) for row in held} == spoilt
    assert {row["cause"] for row in held} <= {*POISON, "oversize", "type"}, held
    synced.until(lambda: synced.status()["quarantined"] == len(spoilt), "told at the school")
    for lang in ("ru", "en"):
        refused(synced.command("status", lang=lang).ok()["problem"], "GOR-1501")
    assert synced.state_of_centre()["quarantined"] == len(spoilt)

    synced.city.command("quarantine", "replay", "--school", synced.id).ok()
    assert len(synced.city.command("quarantine", "list", "--school", synced.id).ok()) == len(spoilt)

    cure(synced.source)
    synced.until_same()
    assert synced.city.command("quarantine", "list", "--school", synced.id).ok() == []
    synced.until(lambda: not synced.problem(), "no problem any more")


# ---- scenario 22


def test_an_agent_pointed_at_another_schools_database_ships_nothing_of_it(
    synced: School, new_source: Callable[..., Source]
) -> None:
    """Scenario 22. Given two schools; when one agent's source is pointed at the other's database; then nothing of it is applied, not even inserts; both identities are named."""
    synced.stop()
    before, rows = synced.head(), synced.state_of_centre()["rows"]
    other = new_source(2)
    synced.start(source_url=other.read_url, source_organisation=other.organisation)
    synced.until_problem("GOR-1604")
    for lang in ("ru", "en"):
        told = synced.command("status", lang=lang).ok()["problem"]
        refused(told, "GOR-1604")
        assert synced.source.organisation in told["text"]
        assert other.organisation in told["text"]
    state = synced.state_of_centre()
    assert state["rows"] == rows
    assert synced.head()[1] in (before[1], 0)  # refused at Hello, or by the head law, which begins an epoch
    assert state["level"] == "error"
    refused(state["problem"], "GOR-1604")

    synced.stop()
    synced.start(source_url=synced.source.read_url, source_organisation="")
    synced.until_same()


def test_a_database_without_the_schools_organisation_deletes_nothing(
    synced: School, new_source: Callable[..., Source]
) -> None:
    """Scenario 22, the likelier way: only the address is another one, and that database knows nothing of this school."""
    synced.stop()
    rows = synced.state_of_centre()["rows"]
    synced.start(source_url=new_source(2).read_url)
    synced.until_problem("GOR-1604")
    assert synced.state_of_centre()["rows"] == rows
    synced.stop()
    synced.start(source_url=synced.source.read_url)
    synced.until_same()


def test_a_confirmed_new_source_becomes_the_schools_own(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path
) -> None:
    """Scenario 22, the end: the department confirms, and the other database is what the centre holds."""
    city = own_city(guard_delete_rows="0", guard_update_rows="0")
    school = city.add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    school.start().complete()
    school.stop()
    other, first = new_source(2), school.source
    school.source = other
    school.start(source_url=other.read_url, source_organisation=other.organisation).until_problem("GOR-1604")
    city.command("school", "confirm", school.id, "--identity").ok()
    school.until_same()
    assert "identity" in school.events()
    assert not first.traces()


# ---- the guard, and the years


def test_a_mass_deletion_waits_for_the_departments_word(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path, rng: random.Random
) -> None:
    """When most marks vanish, the deletions are held and shown, everything else goes on, and a confirmation lets them go."""
    city = own_city(guard_delete_rows="20")
    school = city.add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    school.start().complete()
    with school.source.vendor() as vendor:
        many = vendor.value("SELECT COUNT(*) FROM Marks WHERE OrgCode = ?", school.source.organisation) * 6 // 10
        limit = "SELECT MarkId FROM Marks WHERE OrgCode = ? ORDER BY MarkId LIMIT ?"
        sql = f"DELETE FROM Marks WHERE OrgCode = ? AND MarkId IN ({limit})"  # noqa: S608  our own words
        vendor.execute(sql, school.source.organisation, school.source.organisation, many)
    city.command("school", "resync", school.id).ok()
    school.until_problem("GOR-1502")
    with school.source.people() as people:
        people.step(rng, datetime.now(UTC), "announcement")
    school.until(lambda: set(school.differences()) == {"mark"}, "everything else goes on")
    for lang in ("ru", "en"):
        told = school.command("status", lang=lang).ok()
        refused(told["problem"], "GOR-1502")
        assert told["held"] == many
    assert school.state_of_centre()["held"] == many
    complete_at = school.status()["complete_at"]

    city.command("school", "confirm", school.id, "--entity", "mark", "--rows", str(many)).ok()
    school.until_same()
    school.until(lambda: school.status()["held"] == 0, "nothing is held")
    school.until(lambda: school.status()["complete_at"] > complete_at, "complete again")


def test_a_closed_and_purged_year_stays_at_the_centre(synced: School) -> None:
    """The turn of the year is no alarm: the old year's journal stays at the centre, the new one syncs, equal for open years."""
    spec = SPEC.school(1)
    with synced.source.vendor() as vendor:
        year = vendor.value(
            "SELECT MAX(YearId) FROM SchoolYears WHERE OrgCode = ? AND NOT ClosedFlag", spec.organisation
        )
    marks = "SELECT count(*) FROM gorod.mark WHERE school_id = %(school)s AND year_id = %(year)s"
    before = synced.city.value(marks, school=synced.id, year=str(year))
    assert before > 50
    with synced.source.unsealed():
        turn_year(synced.source.write_url, spec, datetime.now(UTC))
    synced.until_same()
    with synced.source.unsealed():
        purge_year(synced.source.write_url, spec.organisation, year)
    synced.city.command("school", "resync", synced.id).ok()
    synced.until(lambda: "year_closed" in synced.events(), "the event is shown")
    synced.until_same()
    assert synced.city.value(marks, school=synced.id, year=str(year)) == before
    assert synced.status()["held"] == 0
