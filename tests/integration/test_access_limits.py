"""What changes what is seen, at once; and that nothing that the portal's login can say widens it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.store import attendance, diary, journal, marks, people, timetable, today
from collector.store.tables import METADATA
from tests.access_world import NOW, SCHOOLS, TODAY

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from collector.store.reader import Reader
    from tests.fix_readers import ReadersWorld

pytestmark = [pytest.mark.integration, pytest.mark.access]
A, B = SCHOOLS


@contextmanager
def after(world: ReadersWorld, statement: str) -> Iterator[psycopg.Connection]:
    """The portal's view inside a transaction of the owner's that changed something and is rolled back."""
    with psycopg.connect(world.store.url) as connection:
        connection.execute(statement)
        connection.execute("SET LOCAL ROLE gorod_portal")
        yield connection
        connection.rollback()


def keys(connection: psycopg.Connection, account: int, table: str, now: datetime = NOW) -> set[str]:
    """Keys of a table that the account sees in the first school."""
    connection.execute("SELECT gorod.enter(%s, %s)", (account, now))
    rows = connection.execute(f"SELECT source_id FROM gorod.{table} WHERE school_id = %s", (A,))
    return {key for (key,) in rows}


def test_a_representative_who_is_blocked_sees_nothing_of_the_child_from_the_next_page_on(access: ReadersWorld):
    account = access.account("parent", (A, "pr1"))
    blocked = f"UPDATE gorod.representation SET blocked = true WHERE school_id = '{A}' AND source_id = 'k1'"
    with after(access, blocked) as connection:
        assert keys(connection, account, "pupil") == {"u3"}
        assert keys(connection, account, "mark") == {"l3-now-u3", "l3-bare-u3"}
        assert keys(connection, account, "representation") == {"k2"}
        assert keys(connection, account, "person") == {"pr1", "pu3", "ps1", "ps2"} - {"ps1"}


def test_a_block_counts_whatever_other_representation_there_is(access: ReadersWorld):
    account = access.account("parent", (A, "pr3"))
    another = (
        "INSERT INTO gorod.representation SELECT school_id, 'k9', representative_id, pupil_id, relation, true, from_date, to_date, false, "
        f"row_hash, leaf, applied_seq, applied_at, archived FROM gorod.representation WHERE school_id = '{A}' AND source_id = 'k4'"
    )
    with after(access, another) as connection:
        assert keys(connection, account, "pupil") == set()


def test_a_work_appears_at_the_second_of_its_publication_in_the_schools_own_time(access: ReadersWorld):
    account = access.account("pupil", (A, "pu1"))
    with after(access, f"UPDATE gorod.school SET zone = 'Asia/Vladivostok' WHERE school_id = '{A}'") as connection:
        assert "l1-now" in keys(connection, account, "assignment")
        assert "l1-later-u1" in keys(connection, account, "mark")  # it is evening there
    with after(access, "SELECT 1") as connection:
        before = NOW - timedelta(seconds=1)
        assert keys(connection, account, "assignment", before) == {"l1-bare", "l2-bare", "lp-bare"}
        assert "l1-now-u1" not in keys(connection, account, "mark", before)
        assert "l1-later-u1" not in keys(connection, account, "mark", NOW)
        assert "l1-later-u1" in keys(connection, account, "mark", NOW + timedelta(seconds=1))
        assert not {key for key in keys(connection, account, "mark", NOW + timedelta(days=99)) if "gone" in key}


def test_a_teacher_whose_assignment_ends_loses_the_group_on_that_day(access: ReadersWorld):
    account = access.account("teacher", (A, "ps1"))
    ends = f"UPDATE gorod.teaching_assignment SET to_date = '2026-11-24' WHERE school_id = '{A}' AND source_id = 'a1'"
    midnight = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)  # in Moscow
    with after(access, ends) as connection:
        assert keys(connection, account, "mark", midnight - timedelta(seconds=1))
        for table in ("mark", "lesson", "pupil", "attendance_event", "period_result", "journal_change"):
            assert keys(connection, account, table, midnight) == set(), table


def test_a_lesson_of_the_last_week_does_not_prolong_an_assignment_that_ended(access: ReadersWorld):
    account = access.account("teacher", (A, "ps2"))
    given = f"UPDATE gorod.lesson SET staff_id = 's2' WHERE school_id = '{A}' AND source_id = 'l2'"
    with after(access, given) as connection:
        assert keys(connection, account, "lesson") == {"l3"}


def test_whoever_steps_in_without_an_assignment_sees_the_group_for_a_week(access: ReadersWorld):
    account = access.account("teacher", (A, "ps5"))
    given = f"UPDATE gorod.lesson SET staff_id = 's5' WHERE school_id = '{A}' AND source_id = 'l2'"
    with after(access, given) as connection:
        assert keys(connection, account, "lesson") == {"l2"}
        assert keys(connection, account, "pupil") == {"u1", "u2"}
        assert keys(connection, account, "lesson", NOW + timedelta(days=5)) == set()


def test_a_class_goes_over_to_its_new_teacher_at_once(access: ReadersWorld):
    old, new = (access.account("class_teacher", (A, person)) for person in ("ps1", "ps2"))
    change = f"UPDATE gorod.class SET class_teacher_id = 's2' WHERE school_id = '{A}' AND source_id = '7a'"
    with after(access, change) as connection:
        assert keys(connection, old, "representation") == set()
        assert keys(connection, old, "lesson") == {"l1"}
        assert {"k1", "k3"} <= keys(connection, new, "representation")
        assert {"l1", "l2", "l3"} <= keys(connection, new, "lesson")


def test_a_pupil_who_leaves_the_class_leaves_the_view_of_its_teacher(access: ReadersWorld):
    account = access.account("class_teacher", (A, "ps1"))
    leaves = f"UPDATE gorod.enrollment SET to_date = '2026-11-23' WHERE school_id = '{A}' AND source_id = 'e2'"
    with after(access, leaves) as connection:
        assert "k3" not in keys(connection, account, "representation")
        assert "g2-u2" not in keys(connection, account, "period_result")


def test_a_disabled_account_and_one_that_never_was_see_nothing(access: ReadersWorld):
    account = access.account("head", (A, ""))
    with after(access, f"UPDATE gorod.account SET disabled_at = now() WHERE id = {account}") as connection:
        for one in (account, 10**12):
            assert connection.execute("SELECT gorod.enter(%s, %s)", (one, NOW)).fetchone() == (None,)
            assert connection.execute("SELECT count(*) FROM gorod.school").fetchone() == (0,)
            assert keys(connection, one, "mark") == set()


def test_a_second_account_in_the_same_transaction_leaves_nothing_of_the_first(access: ReadersWorld):
    with access.reading("head", (A, "")) as reader:
        assert reader.rows("SELECT 1 FROM gorod.mark LIMIT 1")
        account = access.account("sysadmin", (A, ""))
        assert reader.rows("SELECT gorod.enter(%(account)s, %(now)s)", account=account, now=NOW) == [("sysadmin",)]
        assert reader.rows("SELECT 1 FROM gorod.mark LIMIT 1") == []


def test_what_an_account_reaches_ends_with_its_transaction(access: ReadersWorld):
    with access.reading("head", (A, "")) as reader:
        assert reader.rows("SELECT 1 FROM gorod.mark LIMIT 1")
    for _ in range(5):  # whichever connection of the pool it is
        with access.database.plain() as connection:
            assert connection.execute("SELECT 1 FROM gorod.mark").fetchall() == []


@pytest.mark.parametrize(
    "trick",
    [
        "SET ROLE gorod_jobs",
        "SET ROLE gorod_ingest",
        "SET ROLE {owner}",
        "SET SESSION AUTHORIZATION {owner}",
        "SET row_security = off; SELECT 1 FROM gorod.mark",
        "SET session_replication_role = replica",
        "ALTER TABLE gorod.mark DISABLE ROW LEVEL SECURITY",
        "DROP POLICY readers ON gorod.mark",
        "CREATE FUNCTION gorod.reached(text, int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION gorod.reached(what text) RETURNS TABLE (school_id text, key text) LANGUAGE sql AS 'SELECT 1, 1'",
        "CREATE VIEW gorod.peek AS SELECT * FROM gorod.mark",
        "SELECT gorod.own_pupils(1, 'parent', now())",
        "SELECT * FROM gorod.own_staff(1, now())",
        "SELECT gorod.taught_groups(1, now()), gorod.led_pupils(1, now())",
        "UPDATE gorod.account SET role = 'head'",
        "INSERT INTO gorod.account_scope VALUES (1, '23-001', '')",
    ],
)
def test_a_trick_is_refused(access: ReadersWorld, trick: str):
    with psycopg.connect(access.store.roles.portal) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(trick.format(owner=conninfo_to_dict(access.store.url)["user"]))


def test_names_of_ones_own_in_front_of_ours_change_nothing(access: ReadersWorld):
    account = access.account("pupil", (A, "pu1"))
    with psycopg.connect(access.store.roles.portal) as connection:
        connection.execute("CREATE TEMPORARY TABLE account_scope (account_id bigint, school_id text, person_id text)")
        connection.execute("CREATE TEMPORARY TABLE school (school_id text, zone text)")
        connection.execute(
            "CREATE FUNCTION pg_temp.pair(school_id text, key text) RETURNS text LANGUAGE sql AS 'SELECT ''23-002/u3'''"
        )
        connection.execute(
            "CREATE FUNCTION pg_temp.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT ''23-002/u3'''"
        )
        connection.execute("SET LOCAL search_path = pg_temp, gorod, pg_catalog")
        connection.execute("SELECT gorod.enter(%s, %s)", (account, NOW))
        assert connection.execute("SELECT school_id, source_id FROM gorod.pupil").fetchall() == [(A, "u1")]


def test_the_scope_of_health_pages_opens_nothing_of_people_to_the_portal(access: ReadersWorld):
    open_to_scope = {
        "school",
        "school_state",
        "closed_year",
        "ledger",
        "guard_hour",
        "quarantine",
        "tombstone",
        "digest",
    }
    open_to_scope |= {"event", "release", "certificate"}
    named = {table.name for table in METADATA.tables.values() if "school_id" in table.columns}
    with access.database.scope("*") as connection:
        for name in named - {"account_scope", "activation", "visit", "code"}:
            rows = connection.execute(f"SELECT DISTINCT school_id FROM gorod.{name} ORDER BY 1").fetchall()
            assert rows == ([(A,), (B,)] if name in open_to_scope else []), name


def test_random_identifiers_find_nothing(access: ReadersWorld, rng: random.Random):
    letters = "0123456789abcdefgklmpqrsu-/'%é"
    guessed = ["".join(rng.choices(letters, k=rng.randint(6, 12))) for _ in range(9_990)]
    guessed += ["u2", "pu2", "l3", "g3", "7b", "r2", "ps5", "k3", "l3-now", "l3-now-u3"]
    with access.reading("pupil", (A, "pu1")) as reader:
        for school, table in [(school, table) for school in SCHOOLS for table in ("person", "pupil", "mark", "lesson")]:
            sql = f"SELECT source_id FROM gorod.{table} WHERE school_id = %(school)s AND source_id = ANY (%(keys)s)"
            assert reader.rows(sql, school=school, keys=guessed) == []
        for school, key in [(A, "u2"), (B, "u1"), *((A, key) for key in rng.sample(guessed, 20))]:
            assert pages_of(reader, access, school, key) == []


def pages_of(reader: Reader, world: ReadersWorld, school: str, key: str) -> list[Any]:
    """What the pages of somebody else's pupil, class and group hold."""
    names, year = world.names, TODAY.replace(month=9, day=1)
    week = diary.week(reader, names, school, key, TODAY)
    found: list[Any] = [lesson for day in week.days for lesson in day.lessons]
    found += diary.debts(reader, school, key, TODAY, year)
    found += marks.terms(reader, school, key)
    found += marks.results(reader, school, key, "new")
    found += attendance.of_pupil(reader, school, key, year, TODAY).days
    found += timetable.of_pupil(reader, names, school, key, TODAY, TODAY)
    found += people.teachers_of(reader, names, school, key, TODAY)
    found += people.contacts(reader, names, school, [key])
    found += people.class_list(reader, names, school, key, TODAY)
    found += people.group_list(reader, names, school, key, TODAY)
    found += [people.pupil(reader, names, school, key, TODAY), people.card(reader, names, school, key)]
    found += [journal.page(reader, names, school, key, year, TODAY), today.board(reader, school, TODAY)]
    return [one for one in found if one is not None]


def test_nobody_else_is_shown_even_where_one_looks_at_own_pages(access: ReadersWorld):
    with access.reading("parent", (A, "pr1")) as reader:
        assert {one.pupil for one in people.own_pupils(reader, access.names)} == {"u1", "u3"}
        assert [one.pupil for one in people.class_list(reader, access.names, A, "7a", TODAY)] == ["u1"]
        assert {one.representative for one in people.contacts(reader, access.names, A, ["u1", "u2"])} == {"r1"}
        assert journal.page(reader, access.names, A, "g1", TODAY, TODAY) is None


def test_a_mean_of_fewer_than_five_is_told_to_nobody(access: ReadersWorld):
    with access.reading("pupil", (A, "pu1")) as reader:
        (term,) = marks.terms(reader, A, "u1")
        assert {one.mean for one in marks.group_means(reader, A, "u1", term)} == {None}
        assert reader.rows("SELECT * FROM gorod.group_means(%(s)s, '{g3}', '2020-01-01', '2030-01-01')", s=A) == []
        assert reader.rows("SELECT * FROM gorod.mark_counts(%(s)s, '{g1,g3}', '2020-01-01', '2030-01-01')", s=A) == []
