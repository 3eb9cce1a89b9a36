"""Hints over a real PostgreSQL, where a transaction may stamp a row early and commit it late."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.store.embedded import EmbeddedServer
from install.demo import database
from install.demo.generate import build_school
from tests.fix_demo import CITY, Demo
from tests.fix_reading import Bench, agent_config, agent_source

pytestmark = pytest.mark.integration
NUMBERS = itertools.count(1)
RENAME = "UPDATE Subjects SET Name = ?, ChangedAt = ? WHERE OrgCode = ? AND SubjectId = ?"


@pytest.fixture(scope="session")
def hints_template(postgres: EmbeddedServer) -> str:
    """A database with a small school; its name."""
    build_school(CITY.school(3), postgres.create_database("hints_template"))
    return "hints_template"


@pytest.fixture
def pg_bench(postgres: EmbeddedServer, hints_template: str, tmp_path: Path) -> Iterator[Bench]:
    """A reader whose first full sweep of a PostgreSQL school is done."""
    name = f"hints_{next(NUMBERS)}"
    demo = Demo(CITY.school(3), postgres.create_database(name, template=hints_template))
    bench = Bench(demo, tmp_path, agent_source(demo), agent_config(tmp_path))
    yield bench.fill()
    bench.stop()
    postgres.drop_database(name)


def two_subjects(bench: Bench) -> tuple[int, int]:
    first, second = sorted(int(key) for key in bench.rows("subject"))[:2]
    return first, second


def test_a_row_that_was_stamped_early_and_committed_late_is_seen(pg_bench: Bench) -> None:
    first, second = two_subjects(pg_bench)
    with database.connect(pg_bench.demo.url) as slow, slow.transaction():
        slow.execute(RENAME, "рано", pg_bench.stamp(), pg_bench.demo.organisation, first)
        pg_bench.ahead_ms += 2000
        pg_bench.rename(second, "поздно", pg_bench.stamp())
        pg_bench.look()
        assert pg_bench.name_of("subject", second) == "поздно"
        assert pg_bench.name_of("subject", first) != "рано"
    pg_bench.ahead_ms += 1100
    pg_bench.look()
    assert pg_bench.name_of("subject", first) == "рано"


def test_a_transaction_longer_than_the_overlap_is_waited_for(pg_bench: Bench) -> None:
    """The mark stays before it, so that its rows are found whenever it commits."""
    first, second = two_subjects(pg_bench)
    with database.connect(pg_bench.demo.url) as slow, slow.transaction():
        slow.execute(RENAME, "очень рано", pg_bench.stamp(), pg_bench.demo.organisation, first)
        for minute in range(3):
            pg_bench.ahead_ms += 60_000
            pg_bench.rename(second, f"минута {minute}", pg_bench.stamp())
            pg_bench.look()
    pg_bench.ahead_ms += 60_000
    pg_bench.rename(second, "после", pg_bench.stamp())
    pg_bench.look()
    assert pg_bench.name_of("subject", second) == "после"
    assert pg_bench.name_of("subject", first) == "очень рано"


def test_a_change_that_was_rolled_back_never_leaves(pg_bench: Bench) -> None:
    first, _second = two_subjects(pg_bench)
    with database.connect(pg_bench.demo.url) as vendor, contextlib.suppress(RuntimeError), vendor.transaction():
        vendor.execute(RENAME, "нет", pg_bench.stamp(), pg_bench.demo.organisation, first)
        pg_bench.look()
        raise RuntimeError
    pg_bench.look()
    assert pg_bench.name_of("subject", first) != "нет"


def test_a_deletion_is_found_by_counting(pg_bench: Bench) -> None:
    gone = str(pg_bench.first("Announcements", "AnnouncementId"))
    pg_bench.write("DELETE FROM Announcements WHERE OrgCode = :org AND AnnouncementId = ?", int(gone))
    pg_bench.look(count=True)
    pg_bench.look()
    pg_bench.until(lambda: gone not in pg_bench.rows("announcement"))
