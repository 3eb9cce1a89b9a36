"""The registry in PostgreSQL keeps to the contract, as the role of the stream; two at once are told apart by the database."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from collector.ca.log import Event, IssueLog
from collector.ca.registry import PostgresRegistry
from collector.store.engine import Database
from proto.enrolment import renewal_bytes
from proto.problems import Problem
from tests.contract.registry_suite import RegistrySuite
from tests.fix_ca import SCHOOL, START, code_of, make_office, new_key, request_for, secret_of

if TYPE_CHECKING:
    from collector.ca.office import Office

pytestmark = pytest.mark.integration


@pytest.fixture
def registry(ingest: Database) -> PostgresRegistry:
    return PostgresRegistry(ingest.plain)


@pytest.fixture
def slow_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for the others to come in between, where the database lets them."""
    real = IssueLog.append

    def later(self: IssueLog, event: Event) -> None:
        time.sleep(0.1)
        real(self, event)

    monkeypatch.setattr(IssueLog, "append", later)


class TestPostgresRegistry(RegistrySuite):
    pass


@pytest.mark.usefixtures("slow_log")
def test_of_many_with_one_code_the_database_lets_one_through(registry: PostgresRegistry, tmp_path: Path):
    office = make_office(tmp_path, registry)
    secret = secret_of(office.new_code(SCHOOL, "localhost:1", START)[0])
    outcomes = at_once(lambda: office.redeem(secret, request_for(new_key()), START))
    assert outcomes == ["GOR-1103", "GOR-1103", "served"]


@pytest.mark.usefixtures("slow_log")
@pytest.mark.parametrize("known", [True, False], ids=["known", "seen for the first time"])
def test_of_many_copies_that_renew_the_database_lets_one_through(
    registry: PostgresRegistry,
    tmp_path: Path,
    known: bool,  # noqa: FBT001  a parameter of the test
):
    office, key = make_office(tmp_path, registry), new_key()
    issuer = office if known else make_office(tmp_path)
    old = issuer.redeem(secret_of(issuer.new_code(SCHOOL, "localhost:1", START)[0]), request_for(key), START)

    def renew() -> object:
        nonce = office.challenge(old.serial_number.to_bytes(20, "big"), START)
        request = request_for(new_key())
        signature = key.sign(renewal_bytes(nonce, request), ec.ECDSA(hashes.SHA256()))
        return office.renew(old.public_bytes(Encoding.DER), request, nonce, signature, START)

    assert at_once(renew) == ["GOR-1113", "GOR-1113", "served"]


@pytest.mark.usefixtures("slow_log")
@pytest.mark.parametrize("second", [0.0, 0.03, 0.06, 0.15])
def test_a_revocation_in_the_middle_of_an_enrolment_leaves_no_good_certificate(
    registry: PostgresRegistry, tmp_path: Path, second: float
):
    office = make_office(tmp_path, registry)
    secret = secret_of(office.new_code(SCHOOL, "localhost:1", START)[0])
    with ThreadPoolExecutor(1) as pool:
        enrolment = pool.submit(lambda: office.redeem(secret, request_for(new_key()), START))
        time.sleep(second)
        office.revoke(SCHOOL, START)
        refused = enrolment.exception(10)
    with registry.transaction() as session:
        held = session.certificates(SCHOOL)
    assert [issued for issued in held if issued.revoked_at is None] == []
    assert bool(held) != isinstance(refused, Problem)


def at_once(call: Callable[[], object]) -> list[str]:
    """What three calls at the same moment come to, sorted."""
    start = threading.Barrier(3)

    def attempt(_number: int) -> str:
        start.wait(10)
        try:
            call()
        except Problem as problem:
            return problem.code
        return "served"

    with ThreadPoolExecutor(3) as pool:
        return sorted(pool.map(attempt, range(3)))


def test_the_portal_sees_no_codes(reader: Database, registry: PostgresRegistry):
    with registry.transaction():
        pass
    with pytest.raises(Problem) as problem, reader.plain() as connection:
        connection.execute("SELECT * FROM gorod.code")
    assert code_of(problem) == "GOR-1809"


def test_a_database_that_forgot_everything_is_told_again_by_the_log(registry: PostgresRegistry, tmp_path: Path):
    now, before = START, make_office(tmp_path)
    key = new_key()
    issued = before.redeem(secret_of(before.new_code(SCHOOL, "localhost:1", now)[0]), request_for(key), now)
    before.revoke(SCHOOL, now)
    after = make_office(tmp_path, registry)
    assert after.merge() == 3
    with pytest.raises(Problem) as problem:
        after.admit(issued, now)
    assert code_of(problem) == "GOR-1111"


def test_times_come_back_aware_of_their_zone(registry: PostgresRegistry, tmp_path: Path):
    office: Office = make_office(tmp_path, registry)
    now = datetime(2026, 9, 1, tzinfo=UTC)
    secret = secret_of(office.new_code(SCHOOL, "localhost:1", now)[0])
    issued = office.redeem(secret, request_for(new_key()), now)
    assert office.admit(issued, now) == SCHOOL
