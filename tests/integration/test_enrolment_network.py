"""What stands between a school and its department: nobody, a proxy, an interceptor. A stranger must get nothing of ours."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from agent.transport.enrol import Way
from agent.transport.identity import IdentityFolder
from agent.transport.probe import ask, check_answer, diagnose, pinned_authority
from agent.transport.renew import renew
from proto.problems import Problem
from tests.fix_ca import SCHOOL, Department, code_of, open_department
from tests.fix_network import Stranger, free_port, made_by, proxy, relay, server_context, stranger

pytestmark = pytest.mark.integration
WAY = Way(timeout_s=10)


async def test_a_man_in_the_middle_is_named_and_gets_nothing(department: Department, tmp_path: Path):
    async with stranger(tmp_path / "stranger") as middle:
        code = department.office.new_code(SCHOOL, middle.address, department.clock())[0]
        with pytest.raises(Problem) as problem:
            await department.enrol(tmp_path / "identity", code, WAY)
        assert (code_of(problem), problem.value.details["issuer"]) == ("GOR-1203", "ООО Прозрачность")
        assert "ООО Прозрачность" in problem.value.text("ru")
        await middle.visited()
        assert (middle.connections, bytes(middle.heard)) == (1, b"")


async def test_showing_our_authority_beside_a_strange_certificate_helps_nobody(department: Department, tmp_path: Path):
    async with stranger(tmp_path / "stranger", extra=department.office.authority.pem) as middle:
        code = department.office.new_code(SCHOOL, middle.address, department.clock())[0]
        with pytest.raises(Problem) as problem:
            await department.enrol(tmp_path / "identity", code, WAY)
        assert (code_of(problem), bytes(middle.heard)) == ("GOR-1203", b"")


async def test_a_man_in_the_middle_who_lets_the_first_look_pass_gets_nothing_either(
    department: Department, tmp_path: Path
):
    async with stranger(tmp_path / "stranger") as middle, relay([department.address, middle.address]) as address:
        code = department.office.new_code(SCHOOL, address, department.clock())[0]
        with pytest.raises(Problem) as problem:
            await department.enrol(tmp_path / "identity", code, WAY)
        await middle.visited()
        assert (code_of(problem), bytes(middle.heard)) == ("GOR-1203", b"")


async def test_a_schools_own_certificate_cannot_play_the_department(department: Department, tmp_path: Path):
    school = (await department.enrol(tmp_path / "identity")).identity
    context = server_context(tmp_path / "false", school.key_pem, school.certificate_pem + school.ca_pem)
    false = Stranger()
    async with await asyncio.start_server(false.listen, "127.0.0.1", 0, ssl=context) as server:
        false.port = server.sockets[0].getsockname()[1]
        code = department.office.new_code(SCHOOL, false.address, department.clock())[0]
        with pytest.raises(Problem):
            await department.enrol(tmp_path / "victim", code, WAY)
    assert bytes(false.heard) == b""


async def test_an_interceptor_that_appears_later_is_named_at_renewal(department: Department, tmp_path: Path):
    identity = (await department.enrol(tmp_path / "identity")).identity
    port = department.listener.port
    await department.listener.server.stop(grace=None)
    context = server_context(tmp_path / "stranger", *made_by("Школьный фильтр"))
    middle = Stranger()
    async with await asyncio.start_server(middle.listen, "127.0.0.1", port, ssl=context):
        with pytest.raises(Problem) as problem:
            await renew(identity, IdentityFolder(tmp_path / "identity"), "1.0", department.clock, WAY)
    assert (code_of(problem), problem.value.details["issuer"]) == ("GOR-1203", "Школьный фильтр")
    assert bytes(middle.heard) == b""


async def test_a_port_where_nobody_listens_is_no_answer(department: Department, tmp_path: Path):
    code = department.office.new_code(SCHOOL, f"127.0.0.1:{free_port()}", department.clock())[0]
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity", code, WAY)
    assert code_of(problem) == "GOR-1201"


async def test_a_department_that_is_down_at_renewal_is_no_answer(department: Department, tmp_path: Path):
    identity = (await department.enrol(tmp_path / "identity")).identity
    await department.listener.server.stop(grace=None)
    with pytest.raises(Problem) as problem:
        await renew(identity, IdentityFolder(tmp_path / "identity"), "1.0", department.clock, WAY)
    assert code_of(problem) == "GOR-1201"


def test_a_server_that_never_answers_is_a_time_out():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Problem) as problem:
        ask(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1201", "timeout")


def test_a_name_that_does_not_exist_is_told_as_dns():
    with pytest.raises(Problem) as problem:
        ask("no-such-host.invalid:7444", timeout_s=5)
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1201", "DNS")


async def test_a_server_without_encryption_is_told_as_such():
    async def hello(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(hello, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Problem) as problem:
            await asyncio.to_thread(ask, address, None, 5.0)
    assert code_of(problem) == "GOR-1204"


async def test_an_interceptor_with_old_encryption_is_still_named(department: Department, tmp_path: Path):
    async with stranger(tmp_path / "stranger", newest=ssl.TLSVersion.TLSv1_2) as middle:
        found = await asyncio.to_thread(diagnose, middle.address, department.office.authority.certificate)
    assert (found.code, found.details["issuer"]) == ("GOR-1203", "ООО Прозрачность")


async def test_our_own_server_behind_old_encryption_is_refused(department: Department, tmp_path: Path):
    shown = department.office.authority.server_certificate("enrol", ["localhost", "127.0.0.1"])
    context = server_context(tmp_path / "old", shown.key_pem, shown.chain_pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    old = Stranger()
    async with await asyncio.start_server(old.listen, "127.0.0.1", 0, ssl=context) as server:
        answer = await asyncio.to_thread(ask, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(Problem) as problem:
        pinned_authority(answer, bytes.fromhex(department.office.authority.pin))
    assert (code_of(problem), problem.value.details["version"]) == ("GOR-1205", "TLSv1.2")


async def test_a_connection_that_looks_well_now_has_merely_broken(department: Department):
    found = await asyncio.to_thread(diagnose, department.address, department.office.authority.certificate)
    assert found.code == "GOR-1207"


async def test_a_proxy_is_passed_both_by_the_look_and_by_the_call(department: Department, tmp_path: Path):
    async with proxy(login="school:s%20cret") as (url, seen):
        enrolled = await department.enrol(tmp_path / "identity", way=Way(url, 10))
    assert enrolled.identity.facts.school == SCHOOL
    assert seen == [f"CONNECT {department.address} HTTP/1.1"] * 2


async def test_a_proxy_that_refuses_is_named(department: Department, tmp_path: Path):
    async with proxy(login="school:right") as (url, _seen):
        wrong = url.replace("right", "wrong")
        with pytest.raises(Problem) as problem:
            await department.enrol(tmp_path / "identity", way=Way(wrong, 10))
    assert code_of(problem) == "GOR-1202"
    assert "407" in problem.value.details["cause"]
    assert "wrong" not in str(problem.value.details)


async def test_a_proxy_that_is_away_is_named(department: Department, tmp_path: Path):
    with pytest.raises(Problem) as problem:
        await department.enrol(tmp_path / "identity", way=Way(f"http://127.0.0.1:{free_port()}", 10))
    assert code_of(problem) == "GOR-1202"


async def test_one_department_is_not_taken_for_another_later(department: Department, tmp_path: Path):
    async with open_department(tmp_path / "other") as other:
        answer = await asyncio.to_thread(ask, other.address)
    with pytest.raises(Problem) as problem:
        check_answer(answer, department.office.authority.certificate)
    assert code_of(problem) == "GOR-1203"
