"""An old certificate for a new one: in time, after a summer, revoked, copied, with a lost reply."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from agent.transport.enrol import EnrolmentClient, Way
from agent.transport.identity import Identity, IdentityFolder
from agent.transport.renew import RenewalTimes, Renewer, due_at, renew
from collector.ca.authority import Authority
from proto.enrolment import renewal_bytes
from proto.identity import school_of
from proto.problems import Problem
from proto.sync.v1 import enrol_pb2
from tests.fix_ca import SCHOOL, START, Clock, Department, code_of, new_key, open_department, request_for

pytestmark = pytest.mark.integration
WAY = Way(timeout_s=10)
VERSION = "1.0"


def renewer(department: Department, folder: Path, clock: Clock | None = None) -> Renewer:
    async def swapped(_fresh: Identity) -> None:
        return None

    return Renewer(IdentityFolder(folder), VERSION, clock or department.clock, swapped, lambda _problem: None, WAY)


async def test_a_certificate_is_renewed_at_two_thirds_of_its_life(department: Department, tmp_path: Path):
    old = (await department.enrol(tmp_path)).identity
    department.clock.turn(days=59)
    assert not await renewer(department, tmp_path).renew_if_due()
    department.clock.turn(days=6)
    assert await renewer(department, tmp_path).renew_if_due()
    fresh = IdentityFolder(tmp_path).load()
    assert school_of(fresh.certificate) == SCHOOL
    assert fresh.not_after - old.not_after == timedelta(days=65)
    assert fresh.key_pem != old.key_pem


async def test_the_old_certificate_still_admits_after_renewal(department: Department, tmp_path: Path):
    old = (await department.enrol(tmp_path)).identity
    department.clock.turn(days=70)
    await renewer(department, tmp_path).renew_if_due()
    assert department.office.admit(old.certificate, department.clock()) == SCHOOL


async def test_a_certificate_is_renewed_after_a_long_summer(department: Department, tmp_path: Path):
    await department.enrol(tmp_path)
    department.clock.turn(days=90 + 180)
    assert await renewer(department, tmp_path).renew_if_due()
    assert IdentityFolder(tmp_path).load().not_after == department.clock() + timedelta(days=90)


async def test_a_certificate_that_ended_too_long_ago_is_refused(department: Department, tmp_path: Path):
    await department.enrol(tmp_path)
    department.clock.turn(days=90 + 181)
    with pytest.raises(Problem) as problem:
        await renewer(department, tmp_path).renew_if_due()
    assert (code_of(problem), problem.value.details["days"]) == ("GOR-1110", "181")


async def test_a_revoked_certificate_is_refused_and_the_department_is_told(department: Department, tmp_path: Path):
    await department.enrol(tmp_path)
    department.clock.turn(days=92)
    department.office.revoke(SCHOOL, department.clock())
    with pytest.raises(Problem) as problem:
        await renewer(department, tmp_path).renew_if_due()
    assert (code_of(problem), problem.value.details["school"]) == ("GOR-1111", SCHOOL)
    assert department.refused == ["GOR-1111"]


async def test_a_copied_machine_cannot_renew_what_was_renewed(department: Department, tmp_path: Path):
    original = (await department.enrol(tmp_path / "original")).identity
    department.clock.turn(days=70)
    await renewer(department, tmp_path / "original").renew_if_due()
    with pytest.raises(Problem) as problem:
        await renew(original, IdentityFolder(tmp_path / "copy"), VERSION, department.clock, WAY)
    assert code_of(problem) == "GOR-1113"
    assert department.refused == ["GOR-1113"]


async def test_a_lost_reply_is_repeated_with_the_same_successor(department: Department, tmp_path: Path):
    identity = (await department.enrol(tmp_path)).identity
    department.clock.turn(days=70)
    lost = await renew(identity, IdentityFolder(tmp_path), VERSION, department.clock, WAY)
    assert lost is not None
    again = [await ask(department, identity, lost.key) for _ in range(2)]
    assert {reply.certificate for reply in again} == {lost.certificate.public_bytes(Encoding.DER)}
    assert len(department.office._registry.issued) == 2


async def test_a_clock_far_ahead_does_not_renew_before_its_time(department: Department, tmp_path: Path):
    await department.enrol(tmp_path)
    ahead = Clock(department.clock() + timedelta(days=3 * 365))
    assert not await renewer(department, tmp_path, ahead).renew_if_due()
    assert len(department.office._registry.issued) == 1


async def test_a_clock_far_behind_renews_when_asked_to(department: Department, tmp_path: Path):
    await department.enrol(tmp_path)
    behind = Clock(department.clock() - timedelta(days=3 * 365))
    department.clock.turn(days=100)
    assert not await renewer(department, tmp_path, behind).renew_if_due()
    assert await renewer(department, tmp_path, behind).renew_if_due(ask=True)


async def test_another_key_cannot_renew_a_stolen_certificate(department: Department, tmp_path: Path):
    identity = (await department.enrol(tmp_path)).identity
    with pytest.raises(Problem) as problem:
        await ask(department, identity, new_key(), signer=new_key())
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1106", "proof")


async def test_a_nonce_is_good_for_one_certificate_only(department: Department, tmp_path: Path):
    one = (await department.enrol(tmp_path / "one")).identity
    two = (await department.enrol(tmp_path / "two", department.code("23-043"))).identity
    with pytest.raises(Problem) as problem:
        await ask(department, one, new_key(), serial=two.serial)
    assert code_of(problem) == "GOR-1117"


async def test_a_nonce_is_good_for_minutes_only(department: Department, tmp_path: Path):
    identity = (await department.enrol(tmp_path)).identity
    with pytest.raises(Problem) as problem:
        await ask(department, identity, new_key(), pause=timedelta(minutes=11))
    assert code_of(problem) == "GOR-1117"
    assert problem.value.kind == "transient"


async def test_the_old_key_is_not_certified_again(department: Department, tmp_path: Path):
    identity = (await department.enrol(tmp_path)).identity
    with pytest.raises(Problem) as problem:
        await ask(department, identity, identity.key)
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1106", "old_key")


async def test_a_certificate_of_another_department_is_unknown(department: Department, tmp_path: Path):
    async with open_department(tmp_path / "other") as other:
        foreign = (await other.enrol(tmp_path / "foreign")).identity
    with pytest.raises(Problem) as problem:
        await ask(department, foreign, new_key())
    assert code_of(problem) == "GOR-1112"


async def test_a_running_renewer_swaps_reports_and_heeds_a_wish(department: Department, tmp_path: Path):
    await department.enrol(tmp_path)
    swapped: asyncio.Queue[Identity] = asyncio.Queue()
    failed: asyncio.Queue[Problem] = asyncio.Queue()
    times = RenewalTimes(check=timedelta(hours=1), retry=timedelta(milliseconds=20))
    behind = Clock(department.clock() - timedelta(days=900))
    running = Renewer(IdentityFolder(tmp_path), VERSION, behind, swapped.put, failed.put_nowait, WAY, times)
    task = asyncio.create_task(running.run())
    try:
        department.clock.turn(days=100)
        department.cards.refusal = Problem("GOR-1206", cause="database")
        running.want()
        assert (await asyncio.wait_for(failed.get(), 10)).code == "GOR-1206"
        department.cards.refusal = None
        fresh = await asyncio.wait_for(swapped.get(), 10)
    finally:
        task.cancel()
    assert fresh.certificate == IdentityFolder(tmp_path).load().certificate
    assert len(department.office._registry.issued) == 2


@pytest.mark.parametrize("number", range(5))
def test_the_moment_of_renewal_is_each_certificates_own_and_stays(number: int, tmp_path: Path):
    authority = Authority.create(tmp_path)
    certificate = authority.issue_school(f"s{number}", new_key().public_key(), START, timedelta(days=90))
    share = (due_at(certificate) - certificate.not_valid_before_utc) / (
        certificate.not_valid_after_utc - certificate.not_valid_before_utc
    )
    assert 2 / 3 <= share <= 2 / 3 + 0.05
    assert due_at(certificate) == due_at(certificate)


async def ask(
    department: Department,
    identity: Identity,
    new: ec.EllipticCurvePrivateKey,
    *,
    signer: ec.EllipticCurvePrivateKey | None = None,
    serial: bytes | None = None,
    pause: timedelta = timedelta(0),
) -> enrol_pb2.EnrolReply:
    """A renewal by hand, with one thing wrong at will."""
    async with EnrolmentClient(department.address, department.office.authority.certificate, WAY) as client:
        challenge = await client.challenge(enrol_pb2.ChallengeRequest(certificate_serial=serial or identity.serial))
        department.clock.at += pause
        request = request_for(new)
        signed = (signer or identity.key).sign(renewal_bytes(challenge.nonce, request), ec.ECDSA(hashes.SHA256()))
        certificate = identity.certificate.public_bytes(Encoding.DER)
        return await client.renew(
            enrol_pb2.RenewRequest(certificate=certificate, csr=request, nonce=challenge.nonce, signature=signed)
        )
