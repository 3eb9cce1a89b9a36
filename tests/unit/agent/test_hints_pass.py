"""A pass of hints: what it looks at, what it stores with what, and what it may claim."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.core.sweep import Kind
from agent.hints import KEYS
from agent.sources.page import KeyPage
from install.demo import counts
from install.demo.desk import Clock
from install.demo.live import LiveSchool
from proto.entities import BY_NAME
from proto.problems import Problem
from tests.fix_reading import Bench

AGAIN_MS = 5000
"""Longer than in life, so that a slow machine does not reach it by itself."""
SUBJECT, MARK = BY_NAME["subject"].number, BY_NAME["mark"].number


class Power(BaseException):
    """The power is gone; nobody catches this."""


def subject(bench: Bench) -> int:
    return int(bench.first("Subjects", "SubjectId"))


def mark_of(bench: Bench, entity: int) -> Any:
    return json.loads(bench.store.marks()[entity])


def pages_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the entities whose hints are read from now on; in capitals where the overlap is read too."""
    asked: list[str] = []
    real = bench.source.hint_page

    def page(profile: Any, *arguments: Any, late: bool) -> Any:
        asked.append(profile.name.upper() if late else profile.name)
        return real(profile, *arguments, late=late)

    monkeypatch.setattr(bench.source, "hint_page", page)
    return asked


@pytest.fixture
def mute(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A filled bench whose engine does not tell when something was committed; all is quiet, and was read late just now."""
    monkeypatch.setattr(filled.source, "version", lambda: None)
    filled.ahead_ms += 60_000
    filled.look()
    assert filled.reader._hints is not None
    filled.reader._hints.again_ms = AGAIN_MS
    return filled


def test_a_change_is_found_and_its_mark_stored(filled: Bench) -> None:
    before, filled.ahead_ms = mark_of(filled, SUBJECT), 2000
    stamp = filled.stamp()
    filled.rename(subject(filled), "Астрономия", stamp)
    filled.look()
    assert filled.name_of("subject", subject(filled)) == "Астрономия"
    assert mark_of(filled, SUBJECT) != before


def test_an_entity_that_is_quiet_is_not_read(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.ahead_ms += 60_000  # whatever was written while the city was built is past the overlap
    filled.look()
    asked = pages_of(filled, monkeypatch)
    filled.look()
    assert asked == []


def test_only_the_entity_that_moved_is_read(mute: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pages_of(mute, monkeypatch)
    mute.rename(subject(mute), "Черчение")
    mute.look()
    assert asked == ["subject"]


def test_a_transaction_that_commits_late_is_seen_within_the_overlap(mute: Bench) -> None:
    """Stamped first, committed after a later stamp was seen: the newest stamp never moves again."""
    first, second = sorted(int(key) for key in mute.rows("subject"))[:2]
    early = mute.stamp()
    mute.ahead_ms += 3000
    mute.rename(second, "позже", mute.stamp())
    mute.look()
    mute.rename(first, "раньше", early)
    mute.ahead_ms += AGAIN_MS
    mute.look()
    assert mute.name_of("subject", first) == "раньше"


def test_a_change_is_read_from_the_newest_stamp_seen_and_the_mark_waits_for_a_late_read(
    mute: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a stream of changes the rows of the overlap are not read again with each of them."""
    before, asked = mark_of(mute, SUBJECT), pages_of(mute, monkeypatch)
    for name in ("Труд", "Труды"):
        mute.ahead_ms += 100
        mute.rename(subject(mute), name)
        mute.look()
        assert mute.name_of("subject", subject(mute)) == name
    assert asked == ["subject", "subject"]
    assert mark_of(mute, SUBJECT) == before
    mute.ahead_ms += AGAIN_MS
    mute.look()
    assert asked[2:] == ["SUBJECT"]
    assert mark_of(mute, SUBJECT) != before


def test_what_a_quick_read_did_not_see_is_not_claimed(mute: Bench) -> None:
    """The first row is committed behind what was read, the second is seen: only the late read makes them fresh."""
    first, second = sorted(int(key) for key in mute.rows("subject"))[:2]
    early, then, later = (Clock.at(datetime.now(UTC) - timedelta(seconds=ago)).stamp for ago in (3, 2, 1))
    mute.rename(second, "второй", then)
    mute.look()
    mute.rename(first, "первый", early)
    mute.ahead_ms += 100
    committed = mute.now()
    mute.rename(second, "снова второй", later)
    mute.look()
    assert mute.name_of("subject", second) == "снова второй"
    assert mute.name_of("subject", first) != "первый"
    assert mute.capture.fresh[SUBJECT] < committed
    mute.ahead_ms += AGAIN_MS
    mute.look()
    assert mute.name_of("subject", first) == "первый"
    assert mute.capture.fresh[SUBJECT] >= committed


def test_behind_the_newest_stamp_is_looked_again_and_again_as_long_as_a_commit_may_be_late(
    mute: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute.rename(subject(mute), "Труд")
    mute.look()
    asked = pages_of(mute, monkeypatch)
    reads = []
    for _half in range(12):
        mute.ahead_ms += AGAIN_MS // 2
        mute.look()
        reads.append("SUBJECT" in asked)
        asked.clear()
    assert reads[:4] == [False, True, False, True]
    assert not any(reads[-3:])


def test_a_late_commit_is_looked_for_even_if_no_pass_came_for_a_while(
    mute: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause longer than the overlap proves nothing: nobody has looked since the stamp moved."""
    mute.rename(subject(mute), "Труд")
    mute.look()
    asked = pages_of(mute, monkeypatch)
    mute.ahead_ms += 30_000
    mute.look()
    assert asked == ["SUBJECT"]


def test_a_source_at_rest_is_asked_for_nothing_but_its_version(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was committed since everything was read: nothing can be late, and everything is fresh."""
    filled.rename(subject(filled), "Труд")
    filled.look()
    filled.look()

    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise AssertionError("the source was read")

    for name in ("hint_states", "hint_page", "hint_keys", "page", "by_keys", "origin"):
        monkeypatch.setattr(filled.source, name, refuse)
    filled.ahead_ms += 700
    began = filled.now()
    filled.look()
    assert filled.reader.progress.problem is None
    assert filled.capture.fresh[MARK] >= began


def test_once_nothing_more_is_committed_the_late_read_comes_at_once(
    mute: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pages_of(mute, monkeypatch)
    monkeypatch.setattr(mute.source, "version", lambda: "at rest")
    mute.rename(subject(mute), "Труд")
    began = mute.now()
    mute.look()
    mute.look()
    assert asked == ["subject", "SUBJECT"]
    assert mute.capture.fresh[SUBJECT] >= began


def test_rows_committed_while_a_pass_reads_are_not_taken_for_seen(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is asked before anything is read."""
    filled.ahead_ms += 60_000
    filled.look()
    real = filled.source.hint_states

    def states(profiles: Any) -> Any:
        found = real(profiles)
        filled.rename(subject(filled), "вдруг")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(filled.source, "hint_states", states)
        filled.rename(subject(filled), "Труд")
        filled.look()
    filled.look()
    assert filled.name_of("subject", subject(filled)) == "вдруг"


def test_a_deletion_that_the_journals_log_names_is_found(filled: Bench, rng: random.Random) -> None:
    with LiveSchool(filled.demo.url, filled.demo.organisation) as people:
        notes = people.step(rng, datetime.now(UTC), "remove")
    (removed,) = [note.key for note in notes if (note.entity, note.kind) == ("mark", "delete")]
    assert removed in filled.rows("mark")
    filled.look()
    assert removed not in filled.rows("mark")


def test_a_changed_header_row_leads_to_the_rows_that_show_it(filled: Bench) -> None:
    area = filled.demo.value("SELECT MIN(AreaId) FROM Subjects WHERE AreaId IS NOT NULL")
    sql = "UPDATE SubjectAreas SET Name = ?, ChangedAt = ? WHERE OrgCode = :org AND AreaId = ?"
    filled.write(sql, "Новая область", filled.stamp(), area)
    filled.look()
    shown = {str(key) for (key,) in filled.demo.query("SELECT SubjectId FROM Subjects WHERE AreaId = ?", area)}
    assert {key for key in filled.rows("subject") if filled.name_of("subject", key, "area") == "Новая область"} == shown


def test_the_mark_is_stored_with_the_last_page_only(mute: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power goes after the first page: the next start reads all of it again from the stored mark."""
    before = mark_of(mute, SUBJECT)
    mute.ahead_ms += 60_000
    mute.write("UPDATE Subjects SET Name = Name || '!', ChangedAt = ? WHERE OrgCode = :org", mute.stamp())
    mute.reader._limit = 5
    real, calls = mute.source.hint_page, iter(range(100))

    def page(*arguments: Any, **named: Any) -> Any:
        if next(calls) == 2:
            raise Power
        return real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(mute.source, "hint_page", page)
        mute.reader.plan.hurry(Kind.HINT)
        with pytest.raises(Power):
            mute.reader.step()
    changed = [key for key in mute.rows("subject") if str(mute.name_of("subject", key)).endswith("!")]
    assert 0 < len(changed) < len(mute.rows("subject"))
    assert mark_of(mute, SUBJECT) == before
    mute.reader._hints = None
    mute.look()
    assert all(str(mute.name_of("subject", key)).endswith("!") for key in mute.rows("subject"))
    assert mark_of(mute, SUBJECT) != before


def test_many_changes_are_read_in_pages_of_the_asked_size(filled: Bench) -> None:
    filled.write("UPDATE Subjects SET Name = Name || '?', ChangedAt = ? WHERE OrgCode = :org", filled.stamp())
    filled.sealed.clear()
    filled.reader._limit = 5
    filled.look()
    assert all(str(filled.name_of("subject", key)).endswith("?") for key in filled.rows("subject"))
    assert len(filled.sealed) > 1


def test_what_one_pass_found_in_several_entities_leaves_in_one_envelope(filled: Bench) -> None:
    filled.rename(subject(filled), "Право")
    filled.write("UPDATE Classes SET Room = ?, ChangedAt = ? WHERE OrgCode = :org", "42", filled.stamp())
    filled.sealed.clear()
    filled.look()
    (only,) = filled.sealed
    assert {table.entity.name for table in only.tables} == {"class", "subject"}


def test_a_pass_that_found_something_is_followed_at_once(filled: Bench) -> None:
    filled.rename(subject(filled), "Химия")
    filled.look()
    assert filled.reader._hints is not None
    assert filled.reader._hints.found
    filled.look()
    assert not filled.reader._hints.found


def test_entities_whose_deletions_are_logged_are_fresh_up_to_a_quiet_pass(filled: Bench) -> None:
    filled.ahead_ms += 60_000
    filled.look()
    filled.ahead_ms += 60_000
    began = filled.now()
    filled.look()
    assert filled.capture.fresh[MARK] >= began


def test_while_a_commit_may_be_late_freshness_stays_at_the_last_reading(mute: Bench) -> None:
    mute.ahead_ms += 60_000
    mute.rename(subject(mute), "Физика")
    mute.look()
    read_at = mute.now()
    mute.ahead_ms += 600
    mute.look()
    assert mute.capture.fresh[SUBJECT] <= read_at


def test_entities_without_a_log_of_deletions_are_not_claimed_by_hints_alone(filled: Bench) -> None:
    lesson = BY_NAME["lesson"].number
    before = filled.capture.fresh[lesson]
    filled.ahead_ms += 60_000
    filled.look()
    assert filled.capture.fresh[lesson] == before


def test_a_log_that_no_longer_reaches_back_voids_the_base(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(*_arguments: Any, **_named: Any) -> None:
        raise Problem("GOR-1316", entity="mark")

    monkeypatch.setattr(filled.source, "hint_keys", expired)
    filled.ahead_ms += 2000
    filled.rename(subject(filled), "История")
    filled.look()
    assert filled.store.get("based") is None
    assert filled.store.marks() == {}
    monkeypatch.undo()
    filled.until(lambda: filled.store.get("based"))
    assert filled.name_of("subject", subject(filled)) == "История"


def test_a_pass_waits_while_an_epoch_has_no_comparison(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The department's word may come between the reader's look and the pass."""
    filled.store.adopt(b"o" * 16)
    asked = pages_of(filled, monkeypatch)
    assert filled.reader._hints is not None
    filled.rename(subject(filled), "Музыка")
    assert filled.reader._hints.run(100) == 0
    assert asked == []


def test_a_source_that_went_back_is_seen_by_a_pass_that_reads_no_rows(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.ahead_ms += 60_000
    filled.look()
    older = replace(filled.source.origin(), position=0)
    monkeypatch.setattr(filled.source, "origin", lambda: older)
    monkeypatch.setattr(filled.source, "version", lambda: "of the backup")
    filled.look()
    assert filled.store.get("based") is None


def test_more_named_keys_than_one_statement_takes_are_all_looked_up(
    filled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log may name every mark of a term at once."""
    marks = sorted(filled.rows("mark"), key=int)
    named = (*marks, *(str(10_000_000 + number) for number in range(2 * KEYS)))
    filled.write("DELETE FROM Marks WHERE OrgCode = :org AND MarkId IN (?, ?)", int(marks[0]), int(marks[-1]))
    real = filled.source.hint_keys

    def keys(profile: Any, *arguments: Any, **late: Any) -> Any:
        return KeyPage(named, None) if profile.name == "mark" else real(profile, *arguments, **late)

    monkeypatch.setattr(filled.source, "hint_keys", keys)
    assert filled.reader._hints is not None
    filled.reader._hints._looks.clear()
    filled.look()
    assert set(marks) - filled.rows("mark").keys() == {marks[0], marks[-1]}


def test_what_people_do_all_day_arrives_by_hints_alone(filled: Bench, rng: random.Random) -> None:
    """Their deletions too: the journal's log names them."""
    with LiveSchool(filled.demo.url, filled.demo.organisation) as people:
        for _step in range(60):
            people.step(rng, datetime.now(UTC))
            filled.look()
    counted = counts.rows_by_entity(filled.demo.url, filled.demo.organisation)
    assert {name: len(filled.rows(name)) for name in counted} == counted
