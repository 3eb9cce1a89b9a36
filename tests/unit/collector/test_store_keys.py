"""The key ring on the disk."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.store.keys import KeyRing, key_year
from proto.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 10, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    ring = KeyRing.create(tmp_path / "keys")
    ring.add_school("23-001")
    return ring


def refused(code: str) -> pytest.RaisesExc[Problem]:
    return pytest.raises(Problem, match=code)


@pytest.mark.parametrize(
    ("moment", "year"), [("2026-08-31", 2025), ("2026-09-01", 2026), ("2026-12-31", 2026), ("2027-01-01", 2026)]
)
def test_a_key_year_begins_with_september(moment: str, year: int):
    assert key_year(datetime.fromisoformat(moment)) == year


def test_every_file_is_closed_to_others(ring: KeyRing):
    ring.school("23-001", NOW)
    ring.sealing_key(NOW)
    files = [path for path in ring.folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert len(files) == 3
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert {oct(path.stat().st_mode & 0o777) for path in ring.folder.rglob("*") if path.is_dir()} == {"0o700"}


def test_creating_again_keeps_every_key(ring: KeyRing):
    before = ring.school("23-001", NOW)
    again = KeyRing.create(ring.folder)
    again.add_school("23-001")
    assert again.school("23-001", NOW) == before
    assert again.master_key() == ring.master_key()


def test_schools_have_different_keys(ring: KeyRing):
    ring.add_school("23-002")
    one, other = ring.school("23-001", NOW), ring.school("23-002", NOW)
    assert one.fingerprint != other.fingerprint
    assert one.years[2026] != other.years[2026]


def test_the_fingerprint_key_is_the_same_in_every_year(ring: KeyRing):
    assert ring.school("23-001", NOW).fingerprint == ring.school("23-001", NOW + 3 * YEAR).fingerprint
    assert ring.fingerprint_key("23-001") == ring.school("23-001", NOW).fingerprint


def test_each_school_year_gets_a_data_key_at_its_first_use(ring: KeyRing):
    first, second = ring.school("23-001", NOW), ring.school("23-001", NOW + YEAR)
    assert set(first.years) == {2026}
    assert set(second.years) == {2026, 2027}
    assert (first.year, second.year) == (2026, 2027)
    assert second.years[2026] == first.years[2026]


def test_a_reader_makes_no_key(ring: KeyRing):
    assert ring.reader("23-001", NOW).years == {}


def test_no_key_stands_in_the_files_as_it_is(ring: KeyRing):
    keys = ring.school("23-001", NOW)
    content = (ring.folder / "data" / "23-001.json").read_bytes()
    for secret in (keys.fingerprint, keys.years[2026]):
        assert secret not in content
        assert secret.hex().encode() not in content


def test_keys_show_nothing_of_themselves(ring: KeyRing):
    keys = ring.school("23-001", NOW)
    assert repr(keys).count("b'") == 0
    assert "bytes" not in repr(keys)


def test_a_destroyed_year_is_gone_for_good(ring: KeyRing):
    ring.school("23-001", NOW)
    ring.destroy("23-001", 2026, NOW + YEAR)
    after = ring.school("23-001", NOW + YEAR)
    assert (set(after.years), after.destroyed) == ({2027}, {2026})
    stored = json.loads((ring.folder / "data" / "23-001.json").read_text("utf-8"))
    assert set(stored["years"]["2026"]) == {"destroyed"}


def test_the_current_years_key_is_not_destroyed(ring: KeyRing):
    ring.school("23-001", NOW)
    with refused("GOR-1812"):
        ring.destroy("23-001", 2026, NOW)


def test_a_year_without_a_key_is_not_destroyed(ring: KeyRing):
    with refused("GOR-1813"):
        ring.destroy("23-001", 2019, NOW)


def test_a_school_without_keys_is_a_problem(ring: KeyRing):
    with refused("GOR-1807"):
        ring.school("23-404", NOW)


@pytest.mark.parametrize("school", ["../x", "a/b", "", ".x"])
def test_an_id_that_is_no_id_reaches_no_file(ring: KeyRing, school: str):
    with pytest.raises(ValueError, match="school"):
        ring.school(school, NOW)


def test_another_master_key_opens_nothing(ring: KeyRing, tmp_path: Path):
    KeyRing.create(tmp_path / "other")
    foreign = KeyRing(ring.folder, tmp_path / "other" / "master")
    with refused("GOR-1807"):
        foreign.school("23-001", NOW)


def test_keys_of_one_school_do_not_open_as_another(ring: KeyRing):
    ring.school("23-001", NOW)
    data = ring.folder / "data"
    (data / "23-002.json").write_bytes((data / "23-001.json").read_bytes())
    with refused("GOR-1807"):
        ring.school("23-002", NOW)


def test_the_master_key_can_stand_elsewhere(tmp_path: Path):
    master = tmp_path / "medium" / "master.key"
    master.parent.mkdir()
    ring = KeyRing.create(tmp_path / "keys", master)
    assert ring.master_file == master
    assert not (tmp_path / "keys" / "master").exists()


@pytest.mark.parametrize("content", [b"", b"c2hvcnQ=", b"\xff\xfe"])
def test_a_damaged_master_key_is_told(ring: KeyRing, content: bytes):
    ring.master_file.write_bytes(content)
    with refused("GOR-1807"):
        KeyRing(ring.folder)


def test_a_lost_master_key_is_never_replaced_while_others_hang_on_it(ring: KeyRing):
    ring.master_file.unlink()
    with refused("GOR-1807"):
        KeyRing.create(ring.folder)
    assert not ring.master_file.exists()


def test_the_newest_sealing_key_is_used_and_older_ones_still_open(ring: KeyRing):
    first = ring.sealing_key(NOW)
    assert ring.sealing_key(NOW + timedelta(days=199)).key_id == first.key_id
    second = ring.sealing_key(NOW + timedelta(days=201))
    assert second.key_id != first.key_id
    opened = ring.opening_key(first.key_id)
    assert opened is not None
    assert opened.private_bytes() == first.private_bytes()


def test_a_sealing_key_is_retired_after_its_life(ring: KeyRing):
    first = ring.sealing_key(NOW)
    second = ring.rotate_sealing(NOW + timedelta(days=300))
    assert ring.opening_key(first.key_id) is ring.opening_key(first.key_id) is not None
    assert ring.retire_sealing(NOW + timedelta(days=399)) == []
    assert ring.retire_sealing(NOW + timedelta(days=401)) == [first.key_id]
    assert ring.opening_key(first.key_id) is None
    assert ring.opening_key(second.key_id) is not None


def test_a_sealing_key_that_was_opened_is_read_again_when_its_file_is_another(ring: KeyRing):
    key = ring.sealing_key(NOW)
    file = ring.folder / "seal" / f"{key.key_id}.json"
    held = ring.opening_key(key.key_id)
    os.utime(file, ns=(0, 0))
    again = ring.opening_key(key.key_id)
    assert again is not held
    assert again is not None
    assert again.private_bytes() == key.private_bytes()


def test_the_only_sealing_key_is_kept_however_old(ring: KeyRing):
    key = ring.rotate_sealing(NOW)
    assert ring.retire_sealing(NOW + 5 * YEAR) == []
    assert ring.opening_key(key.key_id) is not None


@pytest.mark.parametrize("key_id", ["", "../../master", "0123456789abcdef", "a/b"])
def test_an_unknown_sealing_key_is_none(ring: KeyRing, key_id: str):
    assert ring.opening_key(key_id) is None


def test_the_list_names_every_key_and_its_state(ring: KeyRing):
    ring.school("23-001", NOW)
    ring.school("23-001", NOW + YEAR)
    ring.destroy("23-001", 2026, NOW + YEAR)
    old = ring.rotate_sealing(NOW)
    new = ring.rotate_sealing(NOW + YEAR)
    listed = {(info.kind, info.name, info.state) for info in ring.list(NOW + YEAR)}
    assert listed == {
        ("master", str(ring.master_file), "active"),
        ("seal", new.key_id, "active"),
        ("seal", old.key_id, "reading"),
        ("fingerprint", "fingerprint", "active"),
        ("data", "2026", "destroyed"),
        ("data", "2027", "active"),
    }


def test_the_portal_needs_neither_the_sealing_keys_nor_write_rights(ring: KeyRing):
    made = ring.school("23-001", NOW)
    for path in (ring.folder / "seal").iterdir():
        path.unlink()
    (ring.folder / "seal").rmdir()
    assert KeyRing(ring.folder).reader("23-001", NOW) == made
