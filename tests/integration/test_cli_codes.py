"""``gorod-collector user code`` and ``audit`` as people type them, on a real department."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from collector.core.activation import code_key, read_code
from collector.department import Department, utc_now
from collector.ingest.notify import HealthNotifier
from collector.jobs import Jobs
from collector.store import activations, audit
from tests.fix_department import SCHOOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.store.engine import Database
    from tests.fix_console import Console, Said
    from tests.fix_postgres import Store

pytestmark = pytest.mark.integration
PASSWORD = "correct horse battery"


@pytest.fixture
def run(console: Console, founded: Department, store: Store) -> Callable[..., Said]:
    """Run a command of the founded department."""

    def collector(line: str, *more: str) -> Said:
        return console(
            "gorod-collector",
            *line.split(),
            "--data",
            founded.data,
            *more,
            GOROD_COLLECTOR_DATABASE_URL=store.url,
            GOROD_PASSWORD=PASSWORD,
        )

    return collector


def test_a_code_from_the_command_line_is_good(run: Callable[..., Said], founded: Department):
    said = run(f"user code 42 --school {SCHOOL} --role head --days 3", "--json")
    assert said.code == 0
    told = json.loads(said.out.splitlines()[-1])
    assert (told["school"], told["person"], told["role"]) == (SCHOOL, "42", "head")
    letters = read_code(told["code"])
    assert letters is not None
    with founded.database.begin() as connection:
        card = activations.look(connection, letters, code_key(founded.keys.master_key()), utc_now())
    assert card is not None
    assert (card.person, card.role) == ("42", "head")


@pytest.mark.parametrize(
    ("line", "problem"), [("--school 99-999 --role head", "1011"), (f"--school {SCHOOL} --role admin", "1904")]
)
def test_a_code_for_nobody_is_refused(run: Callable[..., Said], line: str, problem: str):
    said = run(f"user code 42 {line}", "--json")
    assert said.code == 1
    assert f"GOR-{problem}" in said.out


def test_what_commands_do_with_accounts_is_recorded(run: Callable[..., Said]):
    for line in (
        "user add anna --role operator",
        "user role anna --role analyst",
        "user reset anna",
        "user disable anna",
    ):
        assert run(line).code == 0, line
    told = json.loads(run("audit list", "--json").out.splitlines()[-1])
    assert [one["kind"] for one in told] == ["account_disabled", "account_reset", "role_changed", "account_added"]
    assert told[2]["details"] == {"role": "analyst"}
    assert "anna" not in json.dumps(told)


def test_the_record_is_checked_with_the_anchors_of_the_jobs(
    run: Callable[..., Said], founded: Department, jobs: Database, store: Store
):
    run("user add anna --role operator")
    Jobs(founded, jobs, HealthNotifier(jobs.plain)).anchor(utc_now())
    assert len(audit.read_anchors(founded.data / audit.ANCHORS)) == 1
    said = run("audit verify", "--json")
    assert said.code == 0
    assert json.loads(said.out.splitlines()[-1]) == {
        "ok": True,
        "rows": 1,
        "anchors": 1,
        "broken": None,
        "cause": None,
    }
    with store.owner() as owner:
        owner.execute("""UPDATE gorod.audit SET details = '{"role":"pupil"}'""")
    said = run("audit verify", "--lang", "ru")
    assert said.code == 1
    assert "Строка 1" in said.out
