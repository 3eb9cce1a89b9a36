"""``verify``: what it finds when somebody has changed rows, hashes or the ledger behind our back."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.ca.authority import LOG_FILE, Authority
from collector.ca.log import IssueLog
from collector.ca.office import Office
from collector.ca.registry import PostgresRegistry
from collector.ingest.admission import Admission
from collector.ingest.books_postgres import PostgresLibrary
from collector.ingest.settings import DepartmentSettings, Guard
from collector.store.engine import Database
from collector.store.keys import KeyRing
from collector.store.keytext import key_hash
from collector.verify import verify_school
from tests.fix_applier import Applier
from tests.fix_uplink import listening, until
from tests.uplink_fakes import room

pytestmark = pytest.mark.integration
Verify = Callable[..., dict[str, Any]]


@pytest.fixture
async def verify(applier: Applier, ingest: Database, ring: KeyRing, tmp_path: Path) -> AsyncIterator[Verify]:
    """Verifies a school whose agent sent three envelopes and a signed comparison."""
    folder = tmp_path / "ca"
    registry = PostgresRegistry(ingest.plain)
    office = Office(Authority.create(folder), registry, IssueLog(folder / LOG_FILE))
    library = PostgresLibrary(ingest, ring.school, DepartmentSettings(Guard(), ring.sealing_key))
    async with listening(folder, library, Admission(office, registry), ring.opening_key) as bench:
        bench.fingerprint_key = ring.fingerprint_key(applier.school)
        agent = bench.agent(applier.school)
        async with bench.running(agent) as client:
            await until(lambda: agent.compares)
            for key, name in (("1", "физика"), ("2", "химия"), ("3", "музыка")):
                agent.source |= dict([room(key, name)])
                agent.capture(1000)
                client.captured()
                await until(lambda: not agent.box)
            seen = len(agent.compares)
            client.compare()
            await until(lambda: len(agent.compares) > seen)
    with Database(applier.store.url) as owner:

        def check(*, deep: bool = False, signers: Any = None) -> dict[str, Any]:
            keys = office.signers(applier.school) if signers is None else signers
            return verify_school(owner, ring, applier.school, datetime.now(UTC), keys, deep=deep)

        yield check


def change(applier: Applier, sql: str, *values: object) -> None:
    """Somebody with the owner's rights changes the database."""
    with applier.store.owner() as owner:
        owner.execute(sql.encode(), values or None)


def test_a_school_in_order_is_equal_and_its_chain_holds(verify: Verify) -> None:
    told = verify(deep=True)
    assert told == {"school": "23-001", "equal": True, "chain": True, "rows": 3, "differences": []}


def test_a_removed_line_of_the_ledger_breaks_the_chain(applier: Applier, verify: Verify) -> None:
    change(applier, "DELETE FROM gorod.ledger WHERE seq = 2")
    told = verify()
    assert (told["chain"], told["equal"]) == (False, True)


def test_a_removed_newest_line_breaks_the_chain(applier: Applier, verify: Verify) -> None:
    change(applier, "DELETE FROM gorod.ledger WHERE seq = 3")
    assert verify()["chain"] is False


def test_old_lines_that_were_folded_away_are_taken_on_trust(applier: Applier, verify: Verify) -> None:
    change(applier, "DELETE FROM gorod.ledger WHERE seq < 3")
    assert verify()["chain"] is True


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_changed_hash_in_the_ledger_breaks_the_chain(applier: Applier, verify: Verify, seq: int) -> None:
    change(applier, "UPDATE gorod.ledger SET hash = sha256(hash) WHERE seq = %s", seq)
    assert verify()["chain"] is False


def test_a_head_that_was_moved_breaks_the_chain(applier: Applier, verify: Verify) -> None:
    change(applier, "UPDATE gorod.school_state SET seq = seq - 1")
    assert verify()["chain"] is False


def test_a_row_that_vanished_is_a_difference_of_its_entity(applier: Applier, verify: Verify) -> None:
    change(applier, "DELETE FROM gorod.subject WHERE source_id = '2'")
    told = verify()
    assert (told["equal"], told["rows"]) == (False, 2)
    assert told["differences"] == [{"entity": "subject", "key_hash": None, "kind": "digest"}]


def test_a_stored_hash_that_was_changed_is_a_difference(applier: Applier, verify: Verify) -> None:
    change(applier, "UPDATE gorod.subject SET row_hash = row_hash + 1 WHERE source_id = '2'")
    assert verify()["equal"] is False


def test_a_changed_value_is_found_by_the_deep_check_alone(applier: Applier, verify: Verify) -> None:
    change(applier, "UPDATE gorod.subject SET name = 'астрология' WHERE source_id = '2'")
    assert verify()["equal"] is True
    told = verify(deep=True)
    assert told["equal"] is False
    assert told["differences"] == [{"entity": "subject", "key_hash": key_hash("2").hex(), "kind": "value"}]


def test_a_difference_that_the_last_comparison_found_stays_until_the_next(applier: Applier, verify: Verify) -> None:
    """The head has moved on since: what was found then is all that is known."""
    change(applier, "UPDATE gorod.digest SET differing = '[5]', equal = false, seq = seq - 1")
    assert [one["entity"] for one in verify()["differences"]] == ["subject"]


def test_a_comparison_that_the_school_did_not_sign_proves_nothing(verify: Verify) -> None:
    assert verify(signers=[])["chain"] is False


def test_a_school_without_any_comparison_is_not_equal(applier: Applier, verify: Verify) -> None:
    change(applier, "DELETE FROM gorod.digest")
    told = verify()
    assert (told["equal"], told["chain"], told["differences"]) == (False, True, [])
