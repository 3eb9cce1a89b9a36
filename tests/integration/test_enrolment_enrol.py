"""A one-time code for a certificate, over real gRPC on loopback."""

import asyncio
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from agent.transport.enrol import AgentFacts, EnrolmentClient, Way, enrol
from agent.transport.identity import IdentityFolder, signing_request
from collector.core.issuance import Policy
from proto.enrolment import encode_base32, parse_code
from proto.identity import school_of
from proto.problems import Problem
from proto.sync.v1 import enrol_pb2
from tests.fix_ca import AGENT, SCHOOL, Department, code_of, new_key, open_department, request_for, secret_of

pytestmark = pytest.mark.integration
WAY = Way(timeout_s=10)


async def test_a_code_makes_an_agent_speak_for_its_school(department: Department, tmp_path: Path):
    enrolled = await department.enrol(tmp_path / "identity")
    assert school_of(enrolled.identity.certificate) == SCHOOL
    assert enrolled.identity.facts.organisation == "ORG-42"
    assert enrolled.settings == b"settings"
    assert enrolled.clock_offset == timedelta(0)
    assert IdentityFolder(tmp_path / "identity").load().facts == enrolled.identity.facts


async def test_the_department_is_told_what_the_agent_says_of_its_source(department: Department, tmp_path: Path):
    facts = AgentFacts("1.2", "postgres:777:ORG-42", "fingerprint", "netschool-5")
    await enrol(IdentityFolder(tmp_path / "identity"), department.code(), facts, department.clock)
    asked = department.cards.asked[-1]
    assert (asked.school, asked.identity, asked.schema_fingerprint, asked.profile) == (
        SCHOOL,
        "postgres:777:ORG-42",
        "fingerprint",
        "netschool-5",
    )


async def test_the_private_key_is_for_its_owner_alone_and_never_leaves(department: Department, tmp_path: Path):
    await department.enrol(tmp_path / "identity")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "identity").iterdir()}
    assert modes == dict.fromkeys(["key.pem", "certificate.pem", "ca.pem", "school.json"], 0o600)
    assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o700


async def test_an_unknown_code_is_refused_with_its_own_problem(department: Department, tmp_path: Path):
    async with open_department(tmp_path / "other", listen="127.0.0.1:0") as other:
        real = parse_code(department.code())
        made_up = secret_of(other.code())
    key = new_key()
    async with EnrolmentClient(real.address, department.office.authority.certificate, WAY) as client:
        with pytest.raises(Problem) as problem:
            await client.enrol(enrol_request(made_up, request_for(key), department))
    assert code_of(problem) == "GOR-1102"


async def test_a_used_code_is_refused_with_its_own_problem(department: Department, tmp_path: Path):
    code = department.code()
    await department.enrol(tmp_path / "first", code)
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "second", code)
    assert code_of(problem) == "GOR-1103"
    assert department.refused == ["GOR-1103"]
    assert [code.failures for code in department.office._registry.codes.values()] == [1]


async def test_an_expired_code_is_refused_with_its_own_problem(department: Department, tmp_path: Path):
    code = department.code()
    department.clock.turn(days=14)
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity", code)
    assert code_of(problem) == "GOR-1104"


async def test_a_code_is_good_until_its_last_second(department: Department, tmp_path: Path):
    code = department.code()
    department.clock.turn(days=14, seconds=-1)
    assert (await department.enrol(tmp_path / "identity", code)).identity.facts.school == SCHOOL


async def test_a_mistyped_code_is_found_before_anything_is_dialled(tmp_path: Path, department: Department):
    code = department.code()
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity", wrong)
    assert code_of(problem) == "GOR-1101"
    assert department.refused == []


async def test_a_code_of_another_department_is_refused_and_its_secret_stays_here(
    department: Department, tmp_path: Path
):
    async with open_department(tmp_path / "other") as other:
        theirs = parse_code(other.code())
        foreign = department.office.new_code(SCHOOL, other.address, department.clock())[0]
        with pytest.raises(Problem) as problem:
            await department.enrol(tmp_path / "identity", foreign)
        assert theirs.address == other.address
        assert other.refused == []
    assert code_of(problem) == "GOR-1105"
    assert "Gorod" in problem.value.details["issuer"]


async def test_a_lost_reply_is_repeated_with_the_same_certificate(department: Department, tmp_path: Path):
    code = department.code()
    key = IdentityFolder(tmp_path / "identity").pending_key()
    async with EnrolmentClient(department.address, department.office.authority.certificate, WAY) as client:
        lost = await client.enrol(enrol_request(secret_of(code), signing_request(key), department))
    found = await department.enrol(tmp_path / "identity", code)
    assert found.identity.certificate_pem == pem_of(lost.certificate)
    assert len(department.office._registry.issued) == 1


async def test_a_lost_reply_is_not_repeated_after_the_window(department: Department, tmp_path: Path):
    code = department.code()
    key = IdentityFolder(tmp_path / "identity").pending_key()
    async with EnrolmentClient(department.address, department.office.authority.certificate, WAY) as client:
        await client.enrol(enrol_request(secret_of(code), signing_request(key), department))
    department.clock.turn(days=1, seconds=1)
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity", code)
    assert code_of(problem) == "GOR-1103"


async def test_of_two_callers_with_one_code_only_one_is_served(department: Department, tmp_path: Path):
    code = department.code()
    attempts = [department.enrol(tmp_path / str(number), code) for number in range(4)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    problems = [outcome.code for outcome in outcomes if isinstance(outcome, Problem)]
    assert problems == ["GOR-1103"] * 3
    assert len(department.office._registry.issued) == 1


async def test_a_refusal_by_the_department_leaves_the_code_good(department: Department, tmp_path: Path):
    code = department.code()
    department.cards.refusal = Problem("GOR-1604")
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity", code)
    department.cards.refusal = None
    assert code_of(problem) == "GOR-1604"
    assert (await department.enrol(tmp_path / "identity", code)).identity.facts.school == SCHOOL


@pytest.mark.parametrize(("days", "told"), [(-3 * 365, "-26280 h"), (2, "+48 h")])
async def test_a_clock_that_is_off_is_told_and_the_code_stays_good(
    department: Department, tmp_path: Path, days: int, told: str
):
    code = department.code()
    wrong = department.clock() + timedelta(days=days)
    with pytest.raises(Problem) as problem:
        await enrol(IdentityFolder(tmp_path / "identity"), code, AGENT, lambda: wrong, WAY)
    assert (code_of(problem), problem.value.details["difference"]) == ("GOR-1114", told)
    assert problem.value.kind == "clock"
    assert (await department.enrol(tmp_path / "identity", code)).identity.facts.school == SCHOOL


async def test_too_many_wrong_codes_are_stopped_for_a_while(tmp_path: Path):
    async with open_department(tmp_path / "ca", policy=Policy(attempts=3)) as department:
        guesses = [encode_base32(bytes([number]) * 15) for number in range(4)]
        codes = [await refusal(department, guess) for guess in guesses]
        assert codes == ["GOR-1102"] * 3 + ["GOR-1115"]
        assert await refusal(department, secret_of(department.code())) == "GOR-1115"
        department.clock.turn(minutes=11)
        assert (await department.enrol(tmp_path / "identity")).identity.facts.school == SCHOOL


@pytest.mark.parametrize("request_bytes", [b"", b"\x30\x00", b"x" * 5000])
async def test_a_broken_request_is_refused_with_its_own_problem(department: Department, request_bytes: bytes):
    secret = secret_of(department.code())
    async with EnrolmentClient(department.address, department.office.authority.certificate, WAY) as client:
        with pytest.raises(Problem) as problem:
            await client.enrol(enrol_request(secret, request_bytes, department))
    assert code_of(problem) == "GOR-1106"


async def test_a_request_too_large_to_be_one_is_not_even_read(department: Department):
    async with EnrolmentClient(department.address, department.office.authority.certificate, WAY) as client:
        with pytest.raises(Problem) as problem:
            await client.enrol(enrol_request("0", b"x" * 100_000, department))
    assert code_of(problem) == "GOR-1206"
    assert department.refused == []


async def test_a_reply_over_another_key_is_not_stored(
    department: Department, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stranger = (await department.enrol(tmp_path / "stranger")).identity.certificate
    monkeypatch.setattr(department.office, "redeem", lambda *_: stranger)
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity")
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1119", "key")
    with pytest.raises(Problem):
        IdentityFolder(tmp_path / "identity").load()


async def test_enrolling_again_at_another_department_replaces_the_whole_identity(
    department: Department, tmp_path: Path
):
    await department.enrol(tmp_path / "identity")
    async with open_department(tmp_path / "other") as other:
        moved = await other.enrol(tmp_path / "identity", other.code("77-001"))
    loaded = IdentityFolder(tmp_path / "identity").load()
    assert (loaded.facts.school, loaded.ca) == ("77-001", other.office.authority.certificate)
    assert loaded.certificate == moved.identity.certificate


async def refusal(department: Department, secret: str) -> str:
    """Code of the problem that a call with this secret meets."""
    async with EnrolmentClient(department.address, department.office.authority.certificate, WAY) as client:
        with pytest.raises(Problem) as problem:
            await client.enrol(enrol_request(secret, request_for(new_key()), department))
    return code_of(problem)


def enrol_request(secret: str, request: bytes, department: Department) -> enrol_pb2.EnrolRequest:
    clock_ms = int(department.clock().timestamp() * 1000)
    return enrol_pb2.EnrolRequest(code=secret, csr=request, clock_ms=clock_ms)


def pem_of(der: bytes) -> bytes:
    """The same certificate as text, without the product."""
    return ssl.DER_cert_to_PEM_cert(der).encode()
