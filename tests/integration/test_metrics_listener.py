"""Figures for monitoring, and the answers that a load balancer asks for."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from collector.department import Department
from collector.metrics import REGISTRY, MetricsListener, count_receipt
from collector.store.engine import Database, DatabaseSettings
from proto.batch import Unfit
from proto.problems import Problem
from tests.fix_applier import Applier, row_of, table
from tests.fix_ca import code_of
from tests.fix_department import SCHOOL
from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
SERVICER: Any = SimpleNamespace(connected={SCHOOL: 1, "23-002": 2})


@pytest.fixture
def owner(store: Store) -> Iterator[Database]:
    """The test's database as the collector's commands see it."""
    with Database(store.url, DatabaseSettings(connections=2, wait_s=0.5)) as database:
        yield database


@pytest.fixture
def address(owner: Database) -> Iterator[str]:
    """A listener on a free port."""
    listener = MetricsListener(owner, "127.0.0.1:0", SERVICER)
    yield listener.start()
    listener.stop()


def get(address: str, path: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def figures(address: str) -> dict[str, float]:
    """Every figure by its name and labels."""
    _status, body = get(address, "/metrics")
    lines = [line.rpartition(" ") for line in body.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _between, value in lines}


def test_a_living_collector_is_healthy_and_ready(address: str) -> None:
    assert get(address, "/healthz") == (200, "ok\n")
    assert get(address, "/readyz") == (200, "ready\n")


def test_another_path_is_not_found(address: str) -> None:
    assert get(address, "/")[0] == 404


def test_without_its_database_it_is_alive_but_not_ready(owner: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Database("postgresql://a:secret@127.0.0.1:1/x", DatabaseSettings(connections=1, wait_s=0.2))
    monkeypatch.setattr(nowhere, "plain", _refused)
    monkeypatch.setattr(nowhere, "begin", _refused)
    listener = MetricsListener(nowhere, "127.0.0.1:0", SERVICER)
    address = listener.start()
    try:
        assert get(address, "/healthz")[0] == 200
        for path in ("/readyz", "/metrics"):
            status, body = get(address, path)
            assert status == 503
            assert body.startswith("GOR-1801")
    finally:
        listener.stop()
    del owner


def _refused(**_scope: str) -> Any:
    raise Problem("GOR-1801", cause="refused")


def test_a_server_that_went_away_is_noticed(owner: Database, address: str) -> None:
    owner._pool.close()  # type: ignore[union-attr]  # opened
    assert get(address, "/readyz")[0] == 503
    assert get(address, "/healthz")[0] == 200


def test_figures_of_schools_are_told_without_their_names(
    founded: Department, address: str, store: Store, ingest: Database
) -> None:
    rows = table("subject", row_of("subject", "1"), row_of("subject", "2"), unfit=[Unfit("3", "text_nul", 1)])
    Applier(store, ingest, founded.keys, SCHOOL).apply(rows)
    with store.owner() as connection:
        connection.execute("UPDATE gorod.school_state SET rows = 2, outbox_rows = 40, differences = 1")
    found = figures(address)
    assert found['gorod_school_rows{school="23-001"}'] == 2
    assert found['gorod_school_quarantined{school="23-001"}'] == 1
    assert found['gorod_school_outbox_rows{school="23-001"}'] == 40
    assert found['gorod_school_differences{school="23-001"}'] == 1
    assert found["gorod_streams"] == 2
    body = get(address, "/metrics")[1]
    assert "Школа" not in body
    assert "текст" not in body


def test_a_school_that_was_never_heard_counts_as_zero(founded: Department, address: str) -> None:
    del founded
    assert figures(address)['gorod_school_outbox_rows{school="23-001"}'] == 0


def test_commits_are_counted_by_school(address: str) -> None:
    name = 'gorod_commits_total{school="metrics-test"}'
    count_receipt("metrics-test")
    before = figures(address)[name]
    count_receipt("metrics-test")
    assert figures(address)[name] == before + 1


def test_a_port_that_is_taken_is_told_and_nothing_stays_registered(owner: Database, address: str) -> None:
    collectors = len(REGISTRY._collector_to_names)
    second = MetricsListener(owner, address, SERVICER)
    with pytest.raises(Problem) as problem:
        second.start()
    assert code_of(problem) == "GOR-1007"
    assert problem.value.details["key"] == "metrics_listen"
    assert len(REGISTRY._collector_to_names) == collectors
