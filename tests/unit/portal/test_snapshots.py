"""What counts as a change of an open page, and what is sent for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.live import Topic
from portal.ports import Card
from portal.rendering import Renderer
from portal.snapshots import Snapshots
from tests.portal_world import NOW, FakeReader, make_config, make_school

LIST = Topic("*", "", "ru")
CARD = Topic("*", "23-001", "ru")


def snapshots(reader: FakeReader, later_s: float = 0) -> Snapshots:
    return Snapshots(reader, Renderer(make_config()), lambda: NOW + timedelta(seconds=later_s))


def changed(topic: Topic, later_s: float = 0, **changes: Any) -> set[str]:
    """Names of parts whose content differs after the change."""
    reader = FakeReader(make_school(1), make_school(2))
    before = snapshots(reader)(frozenset({topic}))[topic].pieces
    reader.put(make_school(1, **changes))
    after = snapshots(reader, later_s)(frozenset({topic}))[topic].pieces
    return {name for name, piece in after.items() if name not in before or before[name].content != piece.content}


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 5},
        {"fresh_at": NOW},
        {"outbox_rows": 1},
        {"differences": 1},
        {"quarantined": 1},
        {"delay_ms": 9},
        {"certificate_days": 1},
        {"name": "Лицей"},
        {"state": "syncing"},
        {"sweep_permille": 5},
    ],
)
def test_what_is_seen_in_a_row_changes_that_row_only(changes: dict[str, Any]):
    assert changed(LIST, **changes) == {"school-23-001"}
    assert changed(CARD, **changes) == {"card"}


@pytest.mark.parametrize(
    "changes", [{"last_seen": NOW}, {"acked_seq": 900}, {"clock_offset_s": 3.0}, {"outbox_bytes": 7}, {"epoch": "ff"}]
)
def test_a_sign_of_life_alone_changes_nothing(changes: dict[str, Any]):
    assert changed(LIST, **changes) == set()
    assert changed(CARD, **changes) == set()


def test_time_alone_changes_nothing_since_the_page_counts_it_itself():
    assert changed(LIST, later_s=60) == set()


def test_another_level_changes_the_sentence_and_both_counts_too():
    assert changed(LIST, level="late") == {"summary", "count-ok", "count-late", "school-23-001"}


def test_the_part_that_is_sent_is_the_part_of_the_page():
    reader = FakeReader(make_school(1))
    pieces = snapshots(reader)(frozenset({LIST}))[LIST].pieces
    assert pieces["school-23-001"].html().startswith('<tbody id="school-23-001">')
    assert pieces["summary"].html().startswith('<div id="summary"')
    assert pieces["count-ok"].html() == '<b id="count-ok">1</b>'


def test_a_scope_is_read_once_for_all_its_topics():
    reader = FakeReader(make_school(1))
    english = replace(LIST, lang="en")
    found = snapshots(reader)(frozenset({LIST, english}))
    assert reader.asked == ["*"]
    assert "in order" in found[english].pieces["school-23-001"].html()
    assert "в порядке" in found[LIST].pieces["school-23-001"].html()


def test_a_scope_shows_its_own_schools_only():
    reader = FakeReader(make_school(1), make_school(2))
    own = Topic("23-002", "", "ru")
    assert set(snapshots(reader)(frozenset({own}))[own].pieces) & {"school-23-001", "school-23-002"} == {
        "school-23-002"
    }


def test_a_card_of_a_school_that_is_gone_is_empty():
    gone = Topic("*", "99-999", "ru")
    assert snapshots(FakeReader())(frozenset({gone}))[gone].pieces == {}


def test_the_part_of_a_card_is_the_whole_card():
    reader = FakeReader(make_school(1))
    reader.cards["23-001"] = Card(make_school(1))
    piece = snapshots(reader)(frozenset({CARD}))[CARD].pieces["card"]
    assert piece.html().startswith('<div id="card">')
