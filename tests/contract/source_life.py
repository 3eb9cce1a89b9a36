"""What every source must do, whatever its engine: hints, and what it is through restores."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent.core.origin import Verdict, follow
from agent.core.origin import compare as compare_origins
from agent.sources.base import Counted
from proto.problems import Problem
from tests.contract.source_rows import (
    ABSENCE,
    INSERT_ABSENCE,
    INSERT_LOG,
    INSERT_SUBJECT,
    PERSON,
    PROFILE,
    SUBJECT,
    WHOLE,
    absence,
    guid,
    stamp,
    subject,
)
from tests.contract.vendors import ORGANISATION, OTHER, Vendor

if TYPE_CHECKING:
    from agent.sources.base import Source


class Hints:
    def test_rows_stamped_since_the_mark_come_in_order_and_others_do_not(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, *(subject(number, minutes=number) for number in range(1, 6)))
        mark = source.hint_mark(SUBJECT)
        assert mark is not None
        vendor.execute(INSERT_SUBJECT, *(subject(number, minutes=number) for number in range(6, 10)))
        found = []
        after = None
        while True:
            page = source.hint_page(SUBJECT, mark, after, 2)
            found += page.keys
            if not page.full:
                break
            after = page.last
        assert found == ["5", "6", "7", "8", "9"]
        assert page.columns == source.page(SUBJECT, None, 1, WHOLE).columns

    def test_the_overlap_reaches_back_before_the_mark(self, vendor: Vendor) -> None:
        vendor.execute(INSERT_SUBJECT, *(subject(number, minutes=number) for number in range(1, 6)))
        source = vendor.open(hint_overlap_s=120)
        mark = source.hint_mark(SUBJECT)
        assert mark is not None
        assert source.hint_page(SUBJECT, mark, None, 10).keys == ["3", "4", "5"]
        source.close()

    def test_without_the_overlap_rows_come_from_the_mark_itself(self, vendor: Vendor) -> None:
        vendor.execute(INSERT_SUBJECT, *(subject(number, minutes=number) for number in range(1, 6)))
        vendor.execute(INSERT_LOG, *((number, ORGANISATION, number, guid(9), stamp(number)) for number in range(1, 6)))
        source = vendor.open(hint_overlap_s=120)
        mark, logged = source.hint_mark(SUBJECT), source.hint_mark(ABSENCE)
        assert mark is not None
        assert logged is not None
        assert source.hint_page(SUBJECT, mark, None, 10, late=False).keys == ["5"]
        assert source.hint_keys(ABSENCE, ABSENCE.hints[0], logged, None, 10, late=False).keys == (f"5/{guid(9)}",)
        assert len(source.hint_keys(ABSENCE, ABSENCE.hints[0], logged, None, 10).keys) == 3
        source.close()

    def test_a_count_names_what_was_stamped_since_the_mark(self, vendor: Vendor) -> None:
        vendor.execute(INSERT_SUBJECT, *(subject(number, minutes=number) for number in range(1, 6)))
        source = vendor.open(hint_overlap_s=60)
        mark = source.hint_mark(SUBJECT) or {}
        vendor.execute(INSERT_SUBJECT, subject(6, minutes=5), subject(7, minutes=7), subject(8, organisation=OTHER))
        after = source.count(SUBJECT, WHOLE, mark, 10, late=False)
        assert (after.rows, after.recent) == (7, ("7",))
        late = source.count(SUBJECT, WHOLE, mark, 10, late=True)
        assert late.rows == 7
        assert sorted(late.recent or ()) == ["4", "5", "6", "7"]
        source.close()

    def test_a_count_names_no_more_than_it_is_asked_for(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, *(subject(number, minutes=number) for number in range(1, 6)))
        assert source.count(SUBJECT, WHOLE, {}, 6, late=True) == Counted(5, ("1", "2", "3", "4", "5"))
        assert source.count(SUBJECT, WHOLE, {}, 5, late=True) == Counted(5, None)

    def test_a_count_of_nothing_is_none(self, source: Source) -> None:
        assert source.count(ABSENCE, WHOLE, {}, 10, late=True) == Counted(0, ())

    def test_an_entity_without_hints_has_no_mark(self, source: Source) -> None:
        assert source.hint_mark(PERSON) is None
        assert set(source.hint_states(PROFILE.entities)) == {"subject", "attendance_event"}

    def test_a_mark_of_an_empty_table_reads_everything(self, vendor: Vendor, source: Source) -> None:
        mark = source.hint_mark(SUBJECT)
        vendor.execute(INSERT_SUBJECT, subject(1), subject(2))
        assert source.hint_page(SUBJECT, mark or {}, None, 10).keys == ["1", "2"]

    def test_a_mark_survives_being_stored_as_json(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, absence(1, 1))
        mark = source.hint_mark(ABSENCE)
        assert mark == json.loads(json.dumps(mark))

    def test_another_table_names_keys_that_are_gone(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, absence(1, 1), absence(2, 1))
        vendor.execute(INSERT_LOG, (1, ORGANISATION, 9, guid(9), stamp(1)))
        mark = source.hint_mark(ABSENCE)
        vendor.execute("DELETE FROM Absences WHERE LessonId = 2")
        vendor.execute(
            INSERT_LOG,
            (2, ORGANISATION, 2, guid(1), stamp(2)),
            (3, ORGANISATION, 2, guid(1), stamp(3)),
            (4, ORGANISATION, 3, None, stamp(3)),
        )
        found = source.hint_keys(ABSENCE, ABSENCE.hints[0], mark or {}, None, 100)
        assert (found.keys, found.last) == ((f"9/{guid(9)}", f"2/{guid(1)}"), None)

    def test_many_named_keys_come_page_by_page(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(
            INSERT_LOG, *((number, ORGANISATION, number, guid(1), stamp(number // 4)) for number in range(25))
        )
        found, after = [], None
        while True:
            page = source.hint_keys(ABSENCE, ABSENCE.hints[0], {}, after, 3)
            found += page.keys
            if page.last is None:
                break
            after = page.last
        assert sorted(set(found)) == sorted(f"{number}/{guid(1)}" for number in range(25))

    def test_a_stamp_far_in_the_future_does_not_end_all_hints(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, (1, ORGANISATION, "x", None, "2099-01-01 00:00:00"))
        mark = source.hint_mark(SUBJECT)
        now = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=4)
        vendor.execute(INSERT_SUBJECT, (2, ORGANISATION, "x", None, now.isoformat(" ", "seconds")))
        assert "2" in source.hint_page(SUBJECT, mark or {}, None, 10).keys

    def test_an_uncommitted_long_transaction_is_not_skipped(self, vendor: Vendor, source: Source) -> None:
        """Fault 6: open across three polls, with earlier stamps and lower ids than what is committed meanwhile."""
        vendor.execute(INSERT_SUBJECT, subject(1, minutes=0), subject(5, minutes=5))
        seen: set[str] = set()
        mark = source.hint_mark(SUBJECT)
        with vendor.transaction() as slow:
            slow.execute(INSERT_SUBJECT, subject(2, minutes=6))
            for poll in range(3):
                self._commit_beside(vendor, subject(10 + poll, minutes=10 + poll))
                newest = source.hint_mark(SUBJECT)
                seen |= set(source.hint_page(SUBJECT, mark or {}, None, 100).keys)
                mark = newest
        source.hint_mark(SUBJECT)
        seen |= set(source.hint_page(SUBJECT, mark or {}, None, 100).keys)
        assert "2" in seen

    def _commit_beside(self, vendor: Vendor, row: tuple[Any, ...]) -> None:
        """Commit while another writer is busy, where the engine has more than one writer."""
        if vendor.engine != "sqlite":
            vendor.execute(INSERT_SUBJECT, row)


class Versions:
    def test_a_version_stays_while_nothing_is_committed_and_moves_with_a_commit(
        self, vendor: Vendor, source: Source
    ) -> None:
        before = source.version()
        source.page(SUBJECT, None, 10, WHOLE)
        assert source.version() == before is not None
        vendor.execute(INSERT_SUBJECT, subject(1))
        assert source.version() != before

    def test_a_version_moves_when_transactions_end_in_another_order_than_they_began(
        self, vendor: Vendor, source: Source
    ) -> None:
        found = [source.version()]
        with vendor.transaction() as slow:
            slow.execute(INSERT_SUBJECT, subject(1))
            if vendor.engine != "sqlite":  # which has one writer at a time
                vendor.execute(INSERT_SUBJECT, subject(2))
                found.append(source.version())
        found.append(source.version())
        vendor.execute(INSERT_SUBJECT, subject(3))
        found.append(source.version())
        assert len(set(found)) == len(found)

    def test_a_version_never_comes_again_on_another_connection(self, vendor: Vendor, source: Source) -> None:
        """Behind it may be a backup, in which the same numbers stand for other rows."""
        vendor.execute(INSERT_SUBJECT, subject(1))
        before = source.version()
        source.close()
        assert source.version() != before


class Origins:
    def test_the_origin_is_the_same_for_every_reader_and_stays_through_writes(
        self, vendor: Vendor, source: Source
    ) -> None:
        first = source.origin()
        vendor.execute(INSERT_SUBJECT, subject(1))
        page = source.page(SUBJECT, None, 10, WHOLE)
        again = vendor.open()
        assert compare_origins(first, page.origin) is Verdict.SAME
        assert compare_origins(page.origin, again.origin()) is Verdict.SAME
        assert page.origin.position > first.position
        again.close()

    def test_a_restored_backup_is_the_same_source_in_another_life(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, subject(1))
        vendor.backup()
        vendor.execute(INSERT_SUBJECT, subject(2))
        _verdict, life = follow(None, source.page(SUBJECT, None, 10, WHOLE).origin)
        vendor.restore()
        vendor.execute(INSERT_SUBJECT, subject(3))
        page = _patiently(lambda: source.page(SUBJECT, None, 10, WHOLE))
        assert page.keys == ["1", "3"]
        verdict, next_life = follow(life, page.origin)
        assert verdict is Verdict.RESTORED
        assert next_life.name != life.name
        assert next_life.identity == life.identity

    def test_another_organisation_is_another_source(self, vendor: Vendor, source: Source) -> None:
        other = vendor.open(OTHER)
        assert compare_origins(source.origin(), other.origin()) is Verdict.OTHER
        other.close()


def _patiently(read: Any) -> Any:
    """A connection that a restore has cut is a problem that passes."""
    try:
        return read()
    except Problem as problem:
        if problem.code != "GOR-1312":
            raise
        return read()
