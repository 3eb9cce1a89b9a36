"""Programs that the demo starts: their answer, their log, and that none of them outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from install.demo.processes import Child, Children, free_port, run_once
from proto.problems import Problem

READY = """
import sys, time
print("starting", flush=True)
print('ready {"portal": "http://127.0.0.1:1"}', flush=True)
print("working", file=sys.stderr, flush=True)
time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules can be started."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "good.py").write_text(READY)
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    (tmp_path / "bad.py").write_text("raise SystemExit('something is wrong')")
    (tmp_path / "mute.py").write_text("pass")
    (tmp_path / "echo.py").write_text("import os, sys; open(sys.argv[2], 'w').write(os.environ['WORD'])")
    return tmp_path


@pytest.fixture
def children(programs: Path) -> Iterator[Children]:
    with Children(programs / "logs") as opened:
        yield opened


def said(child: Child, words: str) -> str:
    """The log, once these words stand in it."""
    end = time.monotonic() + 10
    while words not in (text := child.log.read_text("utf-8")):
        assert time.monotonic() < end, text
        time.sleep(0.02)
    return text


def test_the_ready_line_is_the_answer(children: Children) -> None:
    assert children.start_ready("good", "good", [], {}) == {"portal": "http://127.0.0.1:1"}
    children.check()


def test_what_a_program_says_is_in_its_log(children: Children) -> None:
    children.start_ready("good", "good", [], {})
    text = said(children.running[0], "working")
    assert "starting" in text
    assert "ready {" in text


@pytest.mark.parametrize(("module", "words"), [("bad", "something is wrong"), ("mute", "mute: ")])
def test_a_program_that_ends_instead_of_answering_is_told_with_its_last_words(
    children: Children, module: str, words: str
) -> None:
    with pytest.raises(Problem) as problem:
        children.start_ready(module, module, [], {})
    assert problem.value.code == "GOR-1099"
    assert words in problem.value.details["cause"]


def test_a_program_that_stays_silent_is_not_waited_for_for_ever(
    children: Children, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("install.demo.processes._READY_S", 0.3)
    (programs / "silent.py").write_text("import time; time.sleep(60)")
    with pytest.raises(Problem) as problem:
        children.start_ready("silent", "silent", [], {})
    assert "no answer" in problem.value.details["cause"]


def test_a_program_that_ended_by_itself_is_noticed(children: Children) -> None:
    child = children.start("bad", "bad", [], {})
    child.process.wait(10)
    with pytest.raises(Problem) as problem:
        children.check()
    assert "bad: something is wrong" in problem.value.details["cause"]


def test_programs_end_in_the_order_opposite_to_their_start(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    for name in ("first", "second"):
        children.start_ready(name, "good", [], {})
    names = {child.process.pid: child.name for child in children.running}
    real = subprocess.Popen.send_signal

    def send(process: subprocess.Popen[str], number: int) -> None:
        ended.append(names[process.pid])
        real(process, number)

    monkeypatch.setattr(subprocess.Popen, "send_signal", send)
    processes = [child.process for child in children.running]
    children.stop()
    assert ended == ["second", "first"]
    assert [process.returncode for process in processes] == [-signal.SIGTERM] * 2


def test_a_program_that_does_not_end_is_killed(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("install.demo.processes._END_S", 0.3)
    children.start_ready("stubborn", "stubborn", [], {})
    process = children.running[0].process
    children.stop()
    assert process.returncode == -signal.SIGKILL


def test_programs_end_whatever_happens_in_the_demo(programs: Path) -> None:
    with pytest.raises(ValueError, match="of the demo"), Children(programs / "logs") as opened:  # noqa: PT012  the block is what is tested
        opened.start_ready("good", "good", [], {})
        process = opened.running[0].process
        raise ValueError("of the demo")
    assert process.returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_even_a_demo_that_is_killed_leaves_nothing_running(programs: Path) -> None:
    script = f"""
import time
from pathlib import Path
from install.demo.processes import Children
with Children(Path({str(programs)!r}) / "logs") as children:
    children.start_ready("good", "good", [], {{}})
    print(children.running[0].process.pid, flush=True)
    time.sleep(60)
"""
    path = os.pathsep.join([str(programs), str(Path(__file__).parents[3])])
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as demo:
        assert demo.stdout
        child = psutil.Process(int(demo.stdout.readline()))
        demo.kill()
    child.wait(10)


def test_a_command_runs_to_its_end_with_its_environment(programs: Path) -> None:
    target = programs / "told"
    run_once("echo", ["enrol", str(target)], {"WORD": "привет"})
    assert target.read_text("utf-8") == "привет"


def test_a_command_that_fails_is_told_with_its_last_words(programs: Path) -> None:
    del programs
    with pytest.raises(Problem) as problem:
        run_once("bad", ["enrol"], {})
    assert problem.value.details["cause"] == "bad enrol: something is wrong"


def test_a_port_that_is_free_is_taken_as_wanted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        wanted = probe.getsockname()[1]
    assert free_port(wanted) == wanted


def test_instead_of_a_busy_port_another_one_is_found() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        wanted = busy.getsockname()[1]
        found = free_port(wanted)
    assert found != wanted
    assert found > 1023
