"""The test of the model test: without a law, the same histories find what the law protects from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agent import capture, hints, sweeps
from agent.capture import Capture
from agent.ground import Ground
from agent.hints import HintPass
from agent.ranges import Range
from agent.state import repair
from agent.state.fingerprints import Table
from agent.state.repair import UplinkState
from agent.state.store import ADOPTED, StateStore
from tests.model.capture_centre import Violation
from tests.model.capture_histories import LOADED, NUMBERS, explore, play
from tests.model.capture_source import HOT, ModelSource, collated

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    Happens = Callable[[random.Random], list[tuple[str, int]]]


def _keys_are_equal_as_the_source_says(patch: pytest.MonkeyPatch) -> None:
    def absent(asked: Any, returned: Any, known: Any) -> list[Any]:
        present = {collated((key,)) for key in returned}
        return [key for key in asked if collated((key,)) not in present and key in known]

    patch.setattr(capture, "absent", absent)


def _candidates_before_the_range_is_read(patch: pytest.MonkeyPatch) -> None:
    real = Range._candidates

    def candidates(self: Range, capture: Capture) -> list[Any]:
        """And nobody reads them again."""
        found = real(self, capture)
        change, _gone = capture.read_again(self.profile, [])
        capture.drop(change, found)
        capture.commit([change])
        return []

    patch.setattr(Range, "_candidates", candidates)


def _reread_within_the_window(patch: pytest.MonkeyPatch) -> None:
    real = ModelSource.by_keys

    def by_keys(self: ModelSource, profile: Any, keys: Any) -> Any:
        page = real(self, profile, keys)
        if profile.entity.date:
            kept = [place for place, row in enumerate(page.raw) if row[-1] == HOT]
            page.raw, page.keys = [page.raw[place] for place in kept], [page.keys[place] for place in kept]
        return page

    patch.setattr(ModelSource, "by_keys", by_keys)


def _mark_with_the_first_page(patch: pytest.MonkeyPatch) -> None:
    real = HintPass._changes

    def changes(self: HintPass, profile: Any, mark: Any, limit: int) -> Any:
        state = self.capture.source.hint_states([profile])[profile.name]
        with self.capture.store.database.transaction() as connection:
            hints._keep({profile.entity.number: json.dumps(state.mark)})(connection)
        return real(self, profile, mark, limit)

    patch.setattr(HintPass, "_changes", changes)


def _mark_after_the_rows(patch: pytest.MonkeyPatch) -> None:
    real = HintPass._commit

    def commit(self: HintPass, pending: Any, marks: dict[int, str]) -> int:
        states = self.capture.source.hint_states([one for one in self.profiles if one.entity.number in marks])
        later = {one.entity.number: states[one.name] for one in self.profiles if one.name in states}
        for number, state in later.items():
            self._looks[number].state = state
        return real(self, pending, {number: json.dumps(state.mark) for number, state in later.items()})

    patch.setattr(HintPass, "_commit", commit)


def _overwriting_keeps_what_the_centre_lacks(patch: pytest.MonkeyPatch) -> None:
    real, delete = UplinkState._overwrite_leaf, Table.delete

    def overwrite(self: UplinkState, *arguments: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Table, "delete", lambda _self, _keys: None)
            real(self, *arguments)

    patch.setattr(UplinkState, "_overwrite_leaf", overwrite)
    assert Table.delete is delete


def _overwriting_keeps_the_raw_hash(patch: pytest.MonkeyPatch) -> None:
    real = Table.overwrite

    def overwrite(self: Table, rows: Any) -> None:
        rows = list(rows)
        known = self.known([row[0] for row in rows])
        real(self, rows)
        for key, found in known.items():
            self._connection.execute(f"UPDATE {self.name} SET raw = ? WHERE key = ?", (found[1], key))  # noqa: S608  fp_<number>

    patch.setattr(Table, "overwrite", overwrite)


def _overwritten_keys_are_not_read_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StateStore, "read_again", lambda _self, _entity, _keys: None)


def _claims_while_keys_wait(patch: pytest.MonkeyPatch) -> None:
    """An equal digest ends Adopt and carries the old claim although overwritten keys were not read."""
    patch.setattr(StateStore, "reread_count", lambda _self: 0)


def _capture_goes_on_during_adopt(patch: pytest.MonkeyPatch) -> None:
    real = StateStore.adopt

    def adopt(self: StateStore, epoch: bytes) -> Any:
        positions = real(self, epoch)
        self.put(adopting=ADOPTED)
        return positions

    patch.setattr(StateStore, "adopt", adopt)
    _answers_without_their_head(patch)


def _answers_without_their_head(patch: pytest.MonkeyPatch) -> None:
    real = UplinkState.overwrite
    patch.setattr(UplinkState, "overwrite", lambda self, _head, leaves, *, last: real(self, 1 << 40, leaves, last=last))


def _no_guard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Capture, "ask_guard", lambda _self, _change, _now, sooner=None: sooner)


def _guard_forgets_what_waits(patch: pytest.MonkeyPatch) -> None:
    real = StateStore._follow

    def follow(self: StateStore, *arguments: Any) -> None:
        real(self, *arguments)
        self._connection.execute("DELETE FROM waiting")

    patch.setattr(StateStore, "_follow", follow)


def _a_restore_changes_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ground, "void", lambda _self, _kind, _details: None)


def _held_rows_are_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StateStore, "held", lambda _self: [])


def _paused_entities_are_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repair.UplinkState, "_claim", _claim_whatever_is_paused)


def _claim_whatever_is_paused(self: UplinkState) -> Any:
    with pytest.MonkeyPatch.context() as inner:
        inner.setattr(StateStore, "paused", lambda _self: {})
        return CLAIM(self)


CLAIM = UplinkState._claim
ALL_HINTED = 3 << 30
"""Worlds in which every entity has stamps and a log of keys that went."""


ALL_COUNTED = 1 << 30
"""Worlds in which every entity has stamps and none a log."""


def _identity_is_not_watched(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Ground, "watch", lambda self, origin: self.store.put(identity="city:school-1", origin=origin.identity)
    )


def _closed_years_are_forgotten_with_the_state(patch: pytest.MonkeyPatch) -> None:
    real = UplinkState.welcomed

    def welcomed(self: UplinkState, welcome: Any) -> None:
        real(self, welcome)
        self._store.put(told_years=None)

    patch.setattr(UplinkState, "welcomed", welcomed)


def _years_are_not_read_before_a_deletion(patch: pytest.MonkeyPatch) -> None:
    real = Capture._not_archived

    def not_archived(self: Capture, *arguments: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Capture, "forget_years", lambda _self: None)
            inner.setattr(Capture, "open_years", lambda _self: None)
            return real(self, *arguments)

    patch.setattr(Capture, "_not_archived", not_archived)


def _no_full_sweep_reads_candidates(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeps.Range, "sift", lambda _self, _capture: True)


def _fingerprints_apart_from_the_outbox(patch: pytest.MonkeyPatch) -> None:
    """A crash between two transactions: the fingerprints are there, the envelope is not."""
    real = StateStore._enclose

    def enclose(self: StateStore, *arguments: Any) -> int:
        rows = real(self, *arguments)
        if self.tick % 5 == 4:
            position = self.position().last.seq
            previous = self._connection.execute("SELECT hash FROM outbox WHERE seq = ?", (position - 1,)).fetchone()
            if previous:
                self._connection.execute("DELETE FROM outbox WHERE seq = ?", (position,))
                self.put(seq=position - 1, hash=previous[0])
        return rows

    patch.setattr(StateStore, "_enclose", enclose)


def _a_quick_read_moves_the_mark(patch: pytest.MonkeyPatch) -> None:
    """Rows that were committed late lie behind what it read."""
    real = HintPass._due

    def due(self: HintPass, number: int, *arguments: Any, **named: Any) -> Any:
        before = self._looks[number].state.newest if number in self._looks else None
        reading = real(self, number, *arguments, **named)
        return replace(reading, since=before, late=True) if reading and not reading.late else reading

    patch.setattr(HintPass, "_due", due)


def _a_quick_read_is_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hints._Look, "is_settled", lambda _self, _overlap, _version: True)


def _the_count_does_not_name_what_came(patch: pytest.MonkeyPatch) -> None:
    """Equal numbers: one went, one came."""
    real = ModelSource.count
    patch.setattr(ModelSource, "count", lambda *given, **named: replace(real(*given, **named), recent=()))


def _commits_do_not_show_in_the_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ModelSource, "version", lambda _self: "the same")


KNOCKED_OUT = {
    _keys_are_equal_as_the_source_says: "busy",
    _candidates_before_the_range_is_read: "plan",
    _reread_within_the_window: "busy",
    _overwriting_keeps_what_the_centre_lacks: "books_keep books_restore backup rollback",
    _overwriting_keeps_the_raw_hash: "corrupt",
    _overwritten_keys_are_not_read_again: "corrupt books_keep books_restore",
    _claims_while_keys_wait: "corrupt books_keep books_restore",
    _no_guard: "day",
    _guard_forgets_what_waits: "wipe cut crash day",
    _a_restore_changes_nothing: "keep restore plan",
    _held_rows_are_claimed: "day",
    _paused_entities_are_claimed: "drift",
    _identity_is_not_watched: "point",
    _closed_years_are_forgotten_with_the_state: "wipe year",
    _no_full_sweep_reads_candidates: "busy",
    _a_quick_read_is_claimed: "begin commit",
    _commits_do_not_show_in_the_version: "busy",
    _fingerprints_apart_from_the_outbox: "crash",
}
RARE = {
    _capture_goes_on_during_adopt: "books_keep books_restore wipe cut",
    _years_are_not_read_before_a_deletion: "year plan",
}


def _broken_off(rng: random.Random) -> list[tuple[str, int]]:
    """A lock breaks a pass of hints off."""
    return [*_writes(rng, (1, 3, 5)), ("x_during", _in_hints(rng, 5)), ("x_read", 1)]


def _written_into(rng: random.Random) -> list[tuple[str, int]]:
    """Two changes in the middle of a pass of hints that reads only what moved."""
    planned = [("x_plan", rng.randrange(4, 8) + 48 * rng.randrange(20)) for _ in range(2)]
    late, moved = [("x_day", 0), ("x_read", 1)], _writes(rng, (1, 3, 5))
    return [*_writes(rng, (1,)), *late, *moved, *planned, *late, *late]


def _committed_late(rng: random.Random) -> list[tuple[str, int]]:
    """A transaction stamps, others write and are looked at, it commits, others write again."""
    begun, looked = ("x_begin", rng.randrange(NUMBERS)), ("x_sweep", 1)
    return [looked, begun, *_writes(rng, (1,)), looked, ("x_commit", 1), *_writes(rng, (1,)), looked, looked]


def _counted_in_between(rng: random.Random) -> list[tuple[str, int]]:
    """A row goes, then one comes in the middle of a pass of hints, before its count."""
    gone, planned = (
        ("x_write", 40 * rng.randrange(24) + rng.randrange(10)),
        rng.randrange(3, 8) + 48 * rng.randrange(20),
    )
    return [*_writes(rng, (3, 5)), ("x_read", 1), gone, ("x_plan", planned), ("x_read", 1)]


def _writes(rng: random.Random, numbers: tuple[int, ...]) -> list[tuple[str, int]]:
    return [("x_write", rng.randrange(NUMBERS)) for _ in range(rng.choice(numbers))]


def _in_hints(rng: random.Random, what: int) -> int:
    return rng.randrange(10) + 10 * what + 60 + 240 * rng.randrange(4)


IN_A_HINT_PASS: dict[Any, tuple[Happens, int]] = {
    _mark_with_the_first_page: (_broken_off, ALL_HINTED),
    _mark_after_the_rows: (_written_into, ALL_HINTED),
    _a_quick_read_moves_the_mark: (_committed_late, ALL_HINTED),
    _the_count_does_not_name_what_came: (_counted_in_between, ALL_COUNTED),
}
"""What has to happen around a pass of hints, and in which worlds."""


def named(law: Any) -> str:
    return str(law.__name__.strip("_"))


@pytest.mark.parametrize("law", KNOCKED_OUT, ids=named)
def test_without_a_law_the_histories_find_what_it_protects_from(
    law: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rng: random.Random
):
    law(monkeypatch)
    assert explore(tmp_path, rng, runs=1500, focus=KNOCKED_OUT[law]) is not None


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("law", RARE, ids=named)
def test_without_a_rarer_law_many_histories_find_it(
    law: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rng: random.Random
):
    law(monkeypatch)
    assert explore(tmp_path, rng, runs=20_000, focus=RARE[law]) is not None


def in_a_hint_pass(folder: Path, rng: random.Random, law: Any, runs: int) -> str | None:
    """Histories in which something happens around a pass of hints; the first violation."""
    happens, world = IN_A_HINT_PASS[law]
    for number in range(runs):
        history = [*LOADED, ("x_sweep", 1), ("x_prove", 0), *happens(rng), ("x_sync", 0), ("x_beat", 0)]
        try:
            play(folder / str(number), world | rng.getrandbits(30), history)
        except Violation as violation:
            return str(violation)
    return None


@pytest.mark.parametrize("law", IN_A_HINT_PASS, ids=named)
def test_without_a_law_of_hints_a_pass_loses_rows_or_claims_too_much(
    law: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rng: random.Random
):
    assert in_a_hint_pass(tmp_path / "with", rng, law, runs=15) is None
    law(monkeypatch)
    found = in_a_hint_pass(tmp_path / "without", rng, law, runs=1500)
    assert found is not None
    assert found.startswith("fresh")
