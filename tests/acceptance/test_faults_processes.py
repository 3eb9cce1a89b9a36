"""Processes and disks that fail: scenarios 1, 2, 13, 16 and 23 of the faults to survive."""

from __future__ import annotations

import random
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.processes import refused, refused_in_both_languages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer
    from tests.acceptance.world import City, School, Source

pytestmark = [pytest.mark.acceptance, pytest.mark.integration]


def kill_and_start(city: City, school: School, rng: random.Random, times: int, life_s: float) -> None:
    """End the agent, the collector or both without a word, and start them again."""
    for _time in range(times):
        time.sleep(rng.uniform(0.2, life_s))
        whom = rng.choice(("agent", "collector", "both"))
        if whom != "collector":
            school.kill()
        if whom != "agent":
            city.kill()
            city.start()
        if whom != "collector":
            school.start()


def survive_a_kill_loop(city: City, school: School, rng: random.Random, times: int, life_s: float) -> None:
    school.start(page_rows="300")
    people = threading.Thread(target=school.source.live, args=(random.Random(rng.random()), times * 25, 0.02))
    people.start()
    try:
        kill_and_start(city, school, rng, times, life_s)
    finally:
        people.join()
    school.until_same(60)


def test_killed_agents_and_collectors_lose_nothing_and_apply_nothing_twice(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 1. Given changes in flight; when agent and collector are killed at random; then same, no row applied twice, no manual step."""
    city = own_city()
    school = city.add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    survive_a_kill_loop(city, school, rng, 4, 1.2)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_killed_again_and_again_for_minutes(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 1, long form."""
    city = own_city()
    school = city.add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    survive_a_kill_loop(city, school, rng, 60, 6.0)


# ---- a torn state file


def torn(school: School, saved: Path, name: str, offset: int, *, zeroed: bool) -> None:
    """The state file of the moment before the power cut, but one of its two files ends (or is zeros) at this offset."""
    for suffix in ("", "-wal"):
        (school.data / f"state.sqlite{suffix}").write_bytes((saved / f"state.sqlite{suffix}").read_bytes())
    (school.data / "state.sqlite-shm").unlink(missing_ok=True)
    file = school.data / name
    whole = file.read_bytes()
    file.write_bytes(whole[:offset] + bytes(len(whole) - offset) * zeroed)


def survive_torn_files(school: School, saved: Path, rng: random.Random, cuts: int) -> None:
    sizes = {name: (saved / name).stat().st_size for name in ("state.sqlite-wal", "state.sqlite")}
    for cut in range(cuts):
        name = "state.sqlite" if cut % 3 == 2 else "state.sqlite-wal"
        torn(school, saved, name, rng.randrange(sizes[name]), zeroed=bool(cut % 2))
        began = time.monotonic()
        school.start()
        school.until(lambda: school.status().get("connected"), f"connected after {name} was torn", patience_s=10)
        assert time.monotonic() - began < 10
        school.until_same()
        school.kill()
        (school.data / "status.json").unlink()


def a_power_cut(school: School, saved: Path, rng: random.Random) -> None:
    """Kill the agent while it works; keep copies of its state file and log."""
    school.start().until_same()
    with school.city.relay.shut():  # what is captured from here on stays in the state file
        school.source.live(rng, 25)
        school.until(lambda: school.status()["outbox_rows"] > 0, "captured")
        school.kill()
    saved.mkdir()
    for name in ("state.sqlite", "state.sqlite-wal"):
        shutil.copyfile(school.data / name, saved / name)
    (school.data / "status.json").unlink()


def test_a_state_file_torn_by_a_power_cut_costs_nothing(
    new_school: Callable[..., School], tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 2. Given a state write cut at a byte offset; when the agent starts; then it starts within 10 s and captures again what is missing; same."""
    school = new_school()
    a_power_cut(school, tmp_path / "saved", rng)
    survive_torn_files(school, tmp_path / "saved", rng, 3)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_a_state_file_torn_at_many_offsets(
    new_school: Callable[..., School], tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 2, long form."""
    school = new_school()
    a_power_cut(school, tmp_path / "saved", rng)
    survive_torn_files(school, tmp_path / "saved", rng, 60)


# ---- a restored centre, a cloned and a rolled-back agent


def test_a_department_restored_from_a_backup_is_made_whole_by_the_agents(
    own_city: Callable[..., City],
    new_source: Callable[..., Source],
    postgres: EmbeddedServer,
    tmp_path: Path,
    rng: random.Random,
) -> None:
    """Scenario 13. Given the collector's database goes back; when agents reconnect; then each reconciles by itself; same, nobody logs on to a school."""
    city = own_city()
    school = city.add_school(new_source(), tmp_path / "agent")
    school.enrol().ok()
    school.start().complete()
    name = city.database_url.rpartition("/")[2]
    city.stop()
    postgres.create_database(f"{name}_backup", template=name)
    city.start()
    before = school.head()
    school.source.live(rng, 30)
    school.until_same()
    assert school.head() > before

    city.kill()
    postgres.drop_database(name)
    postgres.create_database(name, template=f"{name}_backup")
    assert school.head() == before
    city.start()

    school.until_same()
    assert "epoch" in school.events()
    school.source.live(rng, 5)
    school.until_same()


def clone(school: School, data: Path) -> School:
    """A copy of the machine: the same source, identity and state. The copy is made while the agent stands still."""
    shutil.copytree(school.data, data)
    (data / "status.json").unlink(missing_ok=True)
    copy = type(school)(school.city, school.id, school.source, data)
    school.city.schools.append(copy)
    return copy


def test_of_a_cloned_machine_one_works_and_the_other_is_told_why_it_waits(
    synced: School, tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 16. Given the agent's machine was copied; when two run at once; then one holds the lease, the other is refused with text; after release state is adopted; same."""
    synced.stop()
    copy = clone(synced, tmp_path / "copy")
    synced.start().complete()
    copy.start()
    copy.until_problem("GOR-1605")
    told = copy.command("status", lang="en").ok()
    refused(told["problem"], "GOR-1605")
    assert told["state"] == "offline"
    assert synced.status()["state"] == "ok"
    synced.source.live(rng, 10)
    synced.until_same()

    synced.stop()
    copy.until(lambda: copy.status()["connected"], "the copy took over")
    copy.until_same()
    assert copy.city.command("verify", "--school", copy.id).ok()["ok"], (
        "equal, though the new epoch has no envelope yet"
    )
    copy.source.live(rng, 10)
    copy.until_same()


def test_an_agent_that_went_back_in_time_has_none_of_its_new_rows_taken_for_old_ones(
    synced: School, tmp_path: Path, rng: random.Random
) -> None:
    """Scenario 23. Given the ledger's head; when the agent goes back and captures new rows under numbers used before; then none is acknowledged as a duplicate; Adopt; same."""
    synced.stop()
    shutil.copytree(synced.data, tmp_path / "snapshot")
    synced.start()
    for _time in range(3):
        synced.source.live(rng, 10)
        synced.until_same()
    epoch, seq = synced.head()
    synced.stop()
    shutil.rmtree(synced.data)
    shutil.copytree(tmp_path / "snapshot", synced.data)
    synced.source.live(rng, 20)
    with synced.city.relay.shut():  # it captures before it hears of the head
        synced.start()
        synced.until(lambda: synced.status().get("outbox_rows"), "captured new rows under old numbers")
    synced.until_same()
    assert synced.head()[0] != epoch
    assert seq > 0
    assert "epoch" in synced.events()


def test_a_second_agent_on_one_data_folder_is_refused_and_the_first_goes_on(synced: School, rng: random.Random) -> None:
    """Two agents for one data folder: GOR-1703, in both languages; the running one is not disturbed."""
    refused_in_both_languages(lambda lang: synced.command("once", lang=lang), "GOR-1703")
    synced.source.live(rng, 5)
    synced.until_same()
