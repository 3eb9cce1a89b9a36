"""Setting up step by step: what is asked, what is checked at once, what happens after a wrong answer."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent import enrolling
from agent import setup as steps
from agent.services import commands as services
from proto.enrolment import OneTimeCode, format_code
from proto.problems import Problem
from tests.fix_console import Console, Said
from tests.fix_demo import Demo
from tests.fix_enrolled import EnrolledFolder

CODE = format_code(OneTimeCode("enrol.example.org:7444", b"p" * 20, b"s" * 15))
OTHER = format_code(OneTimeCode("enrol.example.org:7444", b"p" * 20, b"t" * 15))


class Department:
    """Answers in place of the real one; the folder is enrolled already."""

    def __init__(self) -> None:
        self.wishes: list[enrolling.Wish] = []
        self.refusals: list[Problem] = []

    async def enrol(self, _data: Path, wish: enrolling.Wish) -> Any:
        self.wishes.append(wish)
        if self.refusals:
            raise self.refusals.pop(0)
        return SimpleNamespace(identity=SimpleNamespace(facts=SimpleNamespace(school="23-042")))


@pytest.fixture
def department(monkeypatch: pytest.MonkeyPatch) -> Department:
    answering = Department()
    monkeypatch.setattr(enrolling, "run", answering.enrol)
    return answering


@pytest.fixture
def _no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise Problem("GOR-1018", needed="systemd")

    monkeypatch.setattr(services, "manager", none)


@pytest.fixture
def answers(console: Console, enrolled_folder: EnrolledFolder, school: Demo) -> Callable[..., Said]:
    """Run setup with these lines typed; DB stands for the path of the school's database."""
    path = school.url.removeprefix("sqlite:///")

    def run(*lines: str, lang: str = "en", words: tuple[str, ...] = ()) -> Said:
        typed = "".join(line.replace("DB", path) + "\n" for line in lines)
        return console("gorod-agent", "setup", "--data", enrolled_folder.data, *words, typed=typed, GOROD_LANG=lang)

    return run


@pytest.mark.usefixtures("_no_services")
class TestAnswers:
    """The questions, without a service manager."""

    def test_a_code_and_a_path_are_enough(self, answers: Callable[..., Said], department: Department):
        said = answers(CODE, "DB", words=("--json",))
        assert said.code == 0
        assert (said.json["school"], said.json["profile_ok"], said.json["service"]) == ("23-042", True, False)
        (wish,) = department.wishes
        assert (wish.code, wish.password) == (CODE, "")
        assert wish.source_url.startswith("sqlite:////")

    def test_everything_is_said_in_russian(self, answers: Callable[..., Said], department: Department):
        said = answers(CODE, "DB", lang="ru")
        assert department.wishes
        assert "Адрес департамента: enrol.example.org:7444" in said.out
        assert "Подключено: школа 23-042." in said.out
        assert said.out.splitlines()[-1].startswith("Дальше: gorod-agent run --data ")
        assert "Код подключения от департамента: " in said.err

    def test_a_typing_error_in_the_code_is_told_at_once_and_asked_again(
        self, answers: Callable[..., Said], department: Department
    ):
        said = answers(CODE[:-1] + "!", CODE, "DB")
        assert said.code == 0
        assert "GOR-1101" in said.err
        assert [wish.code for wish in department.wishes] == [CODE]

    def test_a_database_that_cannot_be_opened_is_asked_again_before_the_code_is_used(
        self, answers: Callable[..., Said], department: Department
    ):
        said = answers(CODE, "/nowhere/база 1.db", "oracle://x/y", "", "DB")
        assert said.code == 0
        assert [word for word in ("GOR-1301", "GOR-1308") if word not in said.err] == []
        assert len(department.wishes) == 1

    def test_a_used_code_is_asked_again(self, answers: Callable[..., Said], department: Department):
        department.refusals = [Problem("GOR-1103")]
        assert answers(CODE, "DB", "y", OTHER).code == 0
        assert [wish.code for wish in department.wishes] == [CODE, OTHER]

    def test_a_broken_line_is_tried_again_with_the_same_code(
        self, answers: Callable[..., Said], department: Department
    ):
        department.refusals = [Problem("GOR-1201", address="a", cause="timeout")]
        assert answers(CODE, "DB", "").code == 0
        assert [wish.code for wish in department.wishes] == [CODE, CODE]

    def test_who_does_not_want_to_try_again_gets_the_problem(
        self, answers: Callable[..., Said], department: Department
    ):
        department.refusals = [Problem("GOR-1201", address="a", cause="timeout")]
        said = answers(CODE, "DB", "maybe", "нет", words=("--json",))
        assert (said.code, said.json["code"]) == (1, "GOR-1201")

    @pytest.mark.parametrize("lines", [(), (CODE,), (CODE, "/nowhere")])
    def test_the_end_of_the_answers_ends_the_questions(
        self, answers: Callable[..., Said], department: Department, lines: tuple[str, ...]
    ):
        said = answers(*lines)
        assert (said.code, department.wishes) == (2, [])
        assert "GOR-1015" in said.err


class TestService:
    """The offer at the end."""

    @pytest.fixture
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        """Folders for which the service was installed; the person is an administrator."""
        folders: list[Path] = []
        monkeypatch.setattr(services, "manager", lambda: SimpleNamespace(is_administrator=lambda: True))
        monkeypatch.setattr(steps.services, "install_for", folders.append)
        return folders

    def test_it_is_installed_for_who_agrees(
        self,
        answers: Callable[..., Said],
        department: Department,
        installed: list[Path],
        enrolled_folder: EnrolledFolder,
    ):
        said = answers(CODE, "DB", "д", words=("--json",))
        assert department.wishes
        assert (said.json["service"], installed) == (True, [enrolled_folder.data])

    def test_it_is_not_installed_for_who_declines(
        self, answers: Callable[..., Said], department: Department, installed: list[Path]
    ):
        said = answers(CODE, "DB", "n")
        assert department.wishes
        assert installed == []
        assert said.out.splitlines()[-1].startswith("Next: gorod-agent service install --data ")

    def test_who_is_no_administrator_is_told_the_command(
        self, answers: Callable[..., Said], department: Department, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(services, "manager", lambda: SimpleNamespace(is_administrator=lambda: False))
        assert answers(CODE, "DB").out.splitlines()[-1].startswith("Next: gorod-agent service install")
        assert department.wishes
