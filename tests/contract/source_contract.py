"""What every source must do, whatever its engine: pages, re-reads, windows. An engine's file gives the fixture ``vendor``."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from agent.sources.base import Counted, Page, Source, Window
from tests.contract.source_rows import (
    ABSENCE,
    INSERT_ABSENCE,
    INSERT_KIND,
    INSERT_PERSON,
    INSERT_SUBJECT,
    KIND,
    MORNING,
    ODD_TEXTS,
    PERSON,
    SUBJECT,
    WHOLE,
    absence,
    all_keys,
    guid,
    pages,
    stamp,
    subject,
)
from tests.contract.vendors import ORGANISATION, OTHER, Vendor

if TYPE_CHECKING:
    import random


class Paging:
    def test_pages_together_are_the_organisations_rows_and_no_others(self, vendor: Vendor, source: Source) -> None:
        mine = [subject(number) for number in range(1, 24)]
        vendor.execute(INSERT_SUBJECT, *mine, *(subject(number, organisation=OTHER) for number in range(100, 130)))
        for limit in (1, 5, 23, 24, 1000):
            assert sorted(map(int, all_keys(source, SUBJECT, limit))) == list(range(1, 24))

    def test_an_empty_entity_is_one_empty_page(self, source: Source) -> None:
        page = source.page(SUBJECT, None, 10, WHOLE)
        assert (len(page), page.keys, page.last, page.full) == (0, [], None, False)

    def test_guid_keys_are_paged_in_the_sources_order_and_written_in_ours(
        self, vendor: Vendor, source: Source, rng: random.Random
    ) -> None:
        numbers = rng.sample(range(1, 10**6), 40)
        vendor.execute(
            INSERT_PERSON, *((guid(number), ORGANISATION, "Иванова", "2012-03-04", None, None) for number in numbers)
        )
        assert sorted(all_keys(source, PERSON, 7)) == sorted(map(guid, numbers))

    def test_text_keys_with_odd_characters_are_paged_and_found_again(
        self, vendor: Vendor, source: Source, rng: random.Random
    ) -> None:
        texts = list(
            {
                text.casefold(): text
                for text in [*ODD_TEXTS, *("".join(rng.choices("aB /~,яЁ'\\", k=5)) for _ in range(40))]
            }.values()
        )
        vendor.execute(INSERT_KIND, *((text, ORGANISATION, text) for text in texts))
        keys = all_keys(source, KIND, 4)
        assert len(keys) == len(set(keys)) == len(texts)
        found = source.by_keys(KIND, keys)
        assert sorted(found.keys) == sorted(keys)
        assert sorted(row[1] for row in found.rows) == sorted(texts)

    def test_composite_keys_are_paged_across_equal_first_parts(
        self, vendor: Vendor, source: Source, rng: random.Random
    ) -> None:
        pairs = rng.sample(list(itertools.product(range(5), range(1, 12))), 40)
        vendor.execute(INSERT_ABSENCE, *(absence(lesson, pupil) for lesson, pupil in pairs))
        for limit in (1, 6, 40):
            assert sorted(all_keys(source, ABSENCE, limit)) == sorted(
                f"{lesson}/{guid(pupil)}" for lesson, pupil in pairs
            )

    def test_rows_that_the_source_takes_for_equal_are_never_parted(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_KIND, *((code, ORGANISATION, str(copy)) for code in ("a", "b", "c") for copy in range(3)))
        for limit in (1, 2, 3, 4, 5):
            found = [
                (key, row[1])
                for page in pages(source, KIND, limit)
                for key, row in zip(page.keys, page.rows, strict=True)
            ]
            assert sorted(found) == [(code, str(copy)) for code in "abc" for copy in range(3)]

    def test_rows_without_a_key_are_left_out_and_counted(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_KIND, (None, ORGANISATION, "x"), ("k", ORGANISATION, "y"), (None, OTHER, "z"))
        assert all_keys(source, KIND) == ["k"]
        assert source.keyless(KIND) == 1

    def test_a_key_too_long_for_the_centre_is_left_out_and_counted(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_KIND, ("x" * 500, ORGANISATION, "x"), ("k", ORGANISATION, "y"))
        page = source.page(KIND, None, 10, WHOLE)
        assert (page.keys, page.unkeyed) == (["k"], {"key_too_long": 1})

    def test_duplicate_keys_are_counted_within_the_organisation(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_KIND, *[("k", ORGANISATION, "x")] * 3, ("u", ORGANISATION, "y"), ("u", OTHER, "z"))
        assert source.repeated(KIND, 100) == 3

    def test_a_row_changed_after_its_page_is_not_read_twice(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, *map(subject, range(1, 7)))
        first = source.page(SUBJECT, None, 3, WHOLE)
        vendor.execute("UPDATE Subjects SET Name = 'x' WHERE SubjectId IN (1, 5)")
        vendor.execute("DELETE FROM Subjects WHERE SubjectId = 4")
        vendor.execute(INSERT_SUBJECT, subject(0), subject(9))
        second = source.page(SUBJECT, first.last, 10, WHOLE)
        assert second.keys == ["5", "6", "9"]
        assert second.rows[0][1] == "x"

    def test_a_page_that_was_foretold_is_the_page_that_is_asked_for(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, *map(subject, range(1, 9)))
        first = source.page(SUBJECT, None, 3, WHOLE)
        source.expect(SUBJECT, first.last, 3, WHOLE)
        second = source.page(SUBJECT, first.last, 3, WHOLE)
        assert (first.keys, second.keys) == (["1", "2", "3"], ["4", "5", "6"])
        assert second.origin.identity == first.origin.identity

    def test_a_page_that_was_foretold_in_vain_disturbs_nothing(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, *map(subject, range(1, 9)))
        source.expect(SUBJECT, None, 3, WHOLE)
        assert source.by_keys(SUBJECT, ["8"]).keys == ["8"]
        source.expect(SUBJECT, None, 3, WHOLE)
        assert source.keyless(SUBJECT) == 0
        source.expect(SUBJECT, None, 3, WHOLE)
        vendor.execute("UPDATE Subjects SET Name = 'x' WHERE SubjectId = 7")
        (row,) = source.page(SUBJECT, ("6",), 1, WHOLE).rows
        assert row[1] == "x"
        source.expect(SUBJECT, None, 3, WHOLE)
        source.close()
        assert source.page(SUBJECT, None, 3, WHOLE).keys == ["1", "2", "3"]

    def test_only_columns_that_leave_are_read(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_PERSON, (guid(1), ORGANISATION, "Ёлкина", "2012-03-04", "8-900", "photo.jpg"))
        page = source.page(PERSON, None, 10, WHOLE)
        assert page.columns == ("id", "last_name", "birth_date")
        assert [tuple(map(str, row)) for row in page.rows] == [(guid(1), "Ёлкина", "2012-03-04")]

    def test_equal_rows_have_equal_raw_form_and_changed_ones_another(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, subject(1), subject(2))
        before = dict(zip(*_raw(source.page(SUBJECT, None, 10, WHOLE)), strict=True))
        vendor.execute("UPDATE Subjects SET ChangedAt = ? WHERE SubjectId = 1", [stamp(5)])
        vendor.execute("UPDATE Subjects SET Name = 'x' WHERE SubjectId = 2")
        after = dict(zip(*_raw(source.page(SUBJECT, None, 10, WHOLE)), strict=True))
        again = dict(zip(*_raw(source.by_keys(SUBJECT, ["1", "2"])), strict=True))
        assert before["1"] == after["1"] == again["1"]
        assert before["2"] != after["2"] == again["2"]


def _raw(page: Page) -> tuple[list[str], list[Any]]:
    return page.keys, list(page.raw)


class Rereading:
    def test_keys_that_no_row_can_have_are_simply_absent(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, subject(1), subject(2, organisation=OTHER))
        odd = [
            "1",
            "2",
            "3",
            "x",
            "",
            "1/2",
            "99999999999999999999",
            "3000000000",
            "-1",
            "1.0",
            "01",
            "~1",
            "\ud800",
            "a\0b",
        ]
        assert source.by_keys(SUBJECT, odd).keys.count("1") >= 1
        assert set(source.by_keys(SUBJECT, odd).keys) == {"1"}

    def test_keys_that_are_no_guids_are_absent_among_guids(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_PERSON, (guid(1), ORGANISATION, "Иванова", None, None, None))
        assert source.by_keys(PERSON, ["x", guid(1), guid(2), "1"]).keys == [guid(1)]

    def test_composite_keys_are_found_by_all_their_parts(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, absence(1, 1), absence(1, 2), absence(2, 1))
        asked = [f"1/{guid(2)}", f"2/{guid(2)}", "1", f"x/{guid(1)}", f"2/{guid(1)}/3"]
        assert source.by_keys(ABSENCE, asked).keys == [f"1/{guid(2)}"]

    def test_many_keys_are_read_in_short_statements(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_SUBJECT, *map(subject, range(1200)))
        found = source.by_keys(SUBJECT, [str(number) for number in range(0, 2400, 2)])
        assert sorted(map(int, found.keys)) == list(range(0, 1200, 2))

    def test_no_keys_give_no_rows(self, source: Source) -> None:
        assert len(source.by_keys(SUBJECT, [])) == 0

    def test_a_row_outside_the_window_is_still_found_by_key(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, absence(1, 1, minutes=-60 * 24 * 40))
        window = Window(since=MORNING.date() - timedelta(days=14), years=("7",))
        assert all_keys(source, ABSENCE, window=window) == []
        assert source.by_keys(ABSENCE, [f"1/{guid(1)}"]).keys == [f"1/{guid(1)}"]


class Windows:
    def test_a_window_by_date_holds_its_rows_and_is_paged_whole(self, vendor: Vendor, source: Source) -> None:
        day = 60 * 24
        vendor.execute(
            INSERT_ABSENCE,
            *(absence(lesson, 1, minutes=-day * lesson) for lesson in range(30)),
            (99, guid(1), ORGANISATION, 7, "УП", None, None),
        )
        since = MORNING.date() - timedelta(days=10)
        for limit in (1, 4, 100):
            found = all_keys(source, ABSENCE, limit, Window(since=since))
            assert sorted(int(key.split("/")[0]) for key in found) == list(range(11))

    def test_a_window_ends_before_its_until(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, absence(1, 1, 0), absence(2, 1, 60), absence(3, 1, 120))
        window = Window(since=MORNING, until=MORNING + timedelta(minutes=120))
        assert all_keys(source, ABSENCE, 1, window) == [f"1/{guid(1)}", f"2/{guid(1)}"]

    def test_rows_of_many_on_the_same_moment_are_paged_without_a_gap(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, *(absence(lesson, pupil) for lesson in range(4) for pupil in range(1, 6)))
        assert len(set(all_keys(source, ABSENCE, 3, Window(since=date(2026, 11, 20))))) == 20

    def test_only_open_years_are_read_when_asked(self, vendor: Vendor, source: Source) -> None:
        vendor.execute(INSERT_ABSENCE, absence(1, 1, year=6), absence(2, 1, year=7), absence(3, 1, year=8))
        assert all_keys(source, ABSENCE, window=Window(years=("7", "8"))) == [f"2/{guid(1)}", f"3/{guid(1)}"]
        assert all_keys(source, ABSENCE, window=Window(years=())) == []
        assert source.count(ABSENCE, Window(years=("7",)), {}, 9, late=True) == Counted(1, (f"2/{guid(1)}",))
        assert source.count(ABSENCE, WHOLE, {}, 9, late=True).rows == 3
