"""The agent as a service: what each system is asked to do, and how a plan is carried out. Nothing here changes the machine."""

import configparser
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path, PureWindowsPath

import pytest

from agent.services import commands, plan
from agent.services.plan import Found, Give, Remove, Run, Step, Write, carry_out
from agent.services.systemd import UNIT_FILE, Systemd, unit_text
from agent.services.windows import ACCOUNT, Windows
from proto.problems import Problem
from tests.fix_ca import code_of
from tests.fix_console import Console

PROGRAM = ("/opt/gorod/bin/gorod-agent",)
DATA = Path("/var/lib/gorod/agent")
Answers = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def answering(code: int = 0, out: str = "", err: str = "") -> Answers:
    """A computer on which every program answers the same."""
    return lambda words: subprocess.CompletedProcess(list(words), code, out, err)


def unit(program: Sequence[str] = PROGRAM, data: Path = DATA) -> configparser.ConfigParser:
    """The unit as an INI file; keys that stand several times keep their last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # the documented way to keep letters' case
    parser.read_string(unit_text(program, data))
    return parser


def runs(steps: Sequence[Step]) -> list[str]:
    return [" ".join(step.words) for step in steps if isinstance(step, Run)]


class TestSystemd:
    """Linux."""

    def test_the_usual_place_gives_the_unit_of_the_guide(self):
        shipped = (Path(plan.__file__).parent / "gorod-agent.service").read_text("utf-8")
        assert unit_text(PROGRAM, DATA) == shipped

    def test_another_place_stands_wherever_the_usual_one_stood(self):
        data = Path("/srv/школа 42/agent")
        text = unit(("/srv/venv 1/bin/gorod-agent",), data)
        assert shlex.split(text["Service"]["ExecStart"]) == ["/srv/venv 1/bin/gorod-agent", "run", "--data", str(data)]
        assert text["Unit"]["ConditionPathExists"] == f"{data}/agent.toml"
        assert text["Service"]["ReadWritePaths"] == f'"{data}"'
        assert "StateDirectory" not in text["Service"]

    def test_signs_that_systemd_would_expand_are_doubled(self):
        text = unit(PROGRAM, Path("/srv/50%/$HOME"))
        assert text["Service"]["ExecStart"].endswith("/srv/50%%/$$HOME")
        assert text["Unit"]["ConditionPathExists"] == "/srv/50%%/$HOME/agent.toml"

    def test_installing_gives_the_data_to_the_service_before_it_starts(self):
        steps = Systemd().install(PROGRAM, DATA)
        kinds = [type(step) for step in steps]
        assert kinds.index(Give) < kinds.index(Write) < len(steps) - 1
        assert steps[-1] == Run(("systemctl", "restart", "gorod-agent.service"))
        assert Give(DATA, "gorod") in steps

    def test_a_user_that_is_there_already_is_no_failure(self):
        (user,) = [step for step in Systemd().install(PROGRAM, DATA) if isinstance(step, Run) and step.may_fail]
        assert user.words[0] == "useradd"
        assert {"--system", "/usr/sbin/nologin", "gorod"} <= set(user.words)

    def test_uninstalling_leaves_user_and_data(self):
        steps = Systemd().uninstall()
        assert Remove(UNIT_FILE) in steps
        assert not any(isinstance(step, Give) or "userdel" in str(step) for step in steps)

    @pytest.mark.parametrize(
        ("said", "found"),
        [
            ("LoadState=loaded\nActiveState=active\n", Found(installed=True, running=True)),
            ("LoadState=loaded\nActiveState=failed\n", Found(installed=True, running=False)),
            ("LoadState=not-found\nActiveState=inactive\n", Found(installed=False, running=False)),
        ],
    )
    def test_what_systemd_says_is_understood(self, said: str, found: Found):
        assert Systemd().look(answering(0, said)) == found


class TestWindows:
    """Windows, as far as that can be tested without it: the words that are given to its programs."""

    PROGRAM = (r"C:\Program Files\Gorod\python.exe", "-m", "agent.services.windows_host")
    DATA = PureWindowsPath(r"C:\ProgramData\Gorod\agent")

    def steps(self) -> list[Step]:
        return Windows().install(self.PROGRAM, self.DATA)  # type: ignore[arg-type]  # a path of Windows, here only printed

    def test_the_service_is_created_with_its_own_account_and_a_quoted_program(self):
        (create,) = [step.words for step in self.steps() if isinstance(step, Run) and step.words[1] == "create"]
        line = create[create.index("binPath=") + 1]
        assert line == (
            r'"C:\Program Files\Gorod\python.exe" -m agent.services.windows_host --data C:\ProgramData\Gorod\agent'
        )
        assert create[create.index("obj=") + 1] == ACCOUNT
        assert create[create.index("start=") + 1] == "delayed-auto"

    def test_it_starts_again_after_every_failure(self):
        assert "sc.exe failure gorod-agent reset= 86400 actions= restart/5000/restart/5000/restart/5000" in runs(
            self.steps()
        )
        assert "sc.exe failureflag gorod-agent 1" in runs(self.steps())

    def test_others_lose_their_rights_on_the_data_folder_only_after_its_keepers_have_theirs(self):
        rights = [line for line in runs(self.steps()) if line.startswith("icacls")]
        assert [f"{ACCOUNT}:(OI)(CI)M" in line for line in rights] == [True, False]
        assert rights[0].split()[2] == "/grant:r"
        assert "/inheritance:r" in rights[-1]

    def test_it_starts_last(self):
        assert runs(self.steps())[-1] == "sc.exe start gorod-agent"

    @pytest.mark.parametrize(
        ("code", "said", "found"),
        [
            (0, "        STATE              : 4  RUNNING\n", Found(installed=True, running=True)),
            (0, "        STATE              : 1  STOPPED\n", Found(installed=True, running=False)),
            (1060, "[SC] EnumQueryServicesStatus:OpenService FAILED 1060\n", Found(installed=False, running=False)),
        ],
    )
    def test_what_the_service_manager_says_is_understood(self, code: int, said: str, found: Found):
        assert Windows().look(answering(code, said)) == found

    def test_without_its_part_it_says_how_to_get_it(self):
        problem = Windows().needs()
        assert problem is not None
        assert "gorod[windows]" in problem.next_step("en")


class TestCarryingOut:
    """A plan on a computer."""

    def test_steps_are_done_in_order(self, tmp_path: Path):
        done: list[str] = []

        def computer(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
            done.append(" ".join([*words, *sorted(path.name for path in tmp_path.iterdir())]))
            return subprocess.CompletedProcess(list(words), 0, "", "")

        file = tmp_path / "unit"
        carry_out([Run(("a",)), Write(file, "[Unit]\n"), Run(("b",)), Remove(file), Run(("c",))], computer)
        assert done == ["a", "b unit", "c"]

    def test_a_failure_ends_it_and_is_told_in_the_programs_own_words(self):
        with pytest.raises(Problem) as problem:
            carry_out([Run(("systemctl", "start", "x"))], answering(5, "", "note\nFailed to start x\n"))
        assert code_of(problem) == "GOR-1019"
        assert problem.value.details == {"command": "systemctl start x", "cause": "Failed to start x"}

    def test_a_silent_failure_tells_its_exit_code(self):
        with pytest.raises(Problem) as problem:
            carry_out([Run(("x",))], answering(7))
        assert problem.value.details["cause"] == "exit 7"

    def test_what_may_fail_may_fail(self):
        carry_out([Run(("useradd",), may_fail=True)], answering(9))

    def test_a_program_that_is_not_there_is_named(self):
        with pytest.raises(Problem) as problem:
            carry_out([Run(("gorod-has-no-such-program",))])
        assert code_of(problem) == "GOR-1019"

    def test_a_written_unit_can_be_read_by_everybody(self, tmp_path: Path):
        carry_out([Write(tmp_path / "folder/unit", "x")])
        assert (tmp_path / "folder/unit").stat().st_mode & 0o777 == 0o644


class Pretended:
    """A service manager of the test."""

    def __init__(self, *, administrator: bool = True, installed: bool = True) -> None:
        self.administrator, self.found = administrator, Found(installed, running=True)

    def needs(self) -> None:
        return None

    def is_administrator(self) -> bool:
        return self.administrator

    def install(self, _program: Sequence[str], _data: Path) -> list[Step]:
        return []

    def stop(self) -> list[Step]:
        return []

    def look(self, _ask: object) -> Found:
        return self.found


class TestCommands:
    """``gorod-agent service …``."""

    @pytest.fixture
    def pretend(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Put a service manager in place of the computer's."""
        return lambda **how: monkeypatch.setattr(commands, "manager", lambda: Pretended(**how))

    def test_status_is_one_object(self, console: Console, pretend: Callable[..., None]):
        pretend()
        said = console("gorod-agent", "service", "status", "--json")
        assert (said.code, said.json) == (0, {"service": "gorod-agent", "installed": True, "running": True})

    def test_changing_a_service_needs_an_administrator(self, console: Console, pretend: Callable[..., None]):
        pretend(administrator=False)
        said = console("gorod-agent", "service", "stop")
        assert (said.code, said.err[:8]) == (1, "GOR-1017")

    def test_what_is_not_installed_cannot_be_stopped(self, console: Console, pretend: Callable[..., None]):
        pretend(installed=False)
        said = console("gorod-agent", "service", "stop", GOROD_LANG="ru")
        assert (said.code, said.err.splitlines()[0]) == (1, "GOR-1020: Служба gorod-agent не установлена.")

    def test_an_agent_that_is_not_enrolled_is_not_installed(
        self, console: Console, pretend: Callable[..., None], tmp_path: Path
    ):
        pretend()
        assert console("gorod-agent", "service", "install", "--data", tmp_path).err[:8] == "GOR-1107"

    def test_a_computer_without_a_known_manager_is_told_so(self, console: Console, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(Systemd, "needs", lambda _self: Problem("GOR-1018", needed="systemd"))
        said = console("gorod-agent", "service", "status", "--json")
        assert (said.code, said.json["code"]) == (1, "GOR-1018")

    def test_the_service_starts_this_very_installation(self):
        program = commands.own_program()
        assert Path(program[0]).name in {"gorod-agent", "python", "python3", "python3.11", "python3.12", "python3.13"}
        assert Path(program[0]).is_absolute()
