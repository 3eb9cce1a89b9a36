"""The doctor: every check with its remedy, in the order of mending; a bundle that may be sent to strangers."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from agent.health import STATUS_FILE
from tests.fix_console import Console, Said
from tests.fix_demo import Demo
from tests.fix_enrolled import EnrolledFolder

ALL = [
    *("data.write", "identity", "profile", "source.open", "source.read", "source.identity", "profile.fits"),
    *("certificate", "connection.enrol", "connection.sync", "clock"),
]


def doctor(console: Console, folder: EnrolledFolder, *words: object, **environ: str) -> Said:
    return console("gorod-agent", "doctor", "--data", folder.data, *words, **environ)


def failed(said: Said) -> dict[str, str]:
    """Names of failed checks with the beginning of what they say: the code."""
    return {check["name"]: check["text"][:8] for check in said.json["checks"] if not check["ok"]}


def test_every_check_is_there_and_only_the_absent_department_is_complained_of(
    console: Console, enrolled_folder: EnrolledFolder
):
    said = doctor(console, enrolled_folder, "--json")
    assert said.code == 1
    assert [check["name"] for check in said.json["checks"]] == ALL
    assert all(set(check) == {"name", "ok", "text", "next"} for check in said.json["checks"])
    assert failed(said) == {"connection.enrol": "GOR-1201", "connection.sync": "GOR-1201"}
    assert said.json["ok"] is False


def test_a_failed_check_says_what_to_do_and_a_good_one_says_nothing(console: Console, enrolled_folder: EnrolledFolder):
    checks = doctor(console, enrolled_folder, "--json").json["checks"]
    assert all((check["next"] is None) == check["ok"] for check in checks)


def test_people_read_signs_sentences_and_remedies(console: Console, enrolled_folder: EnrolledFolder):
    lines = doctor(console, enrolled_folder, GOROD_LANG="ru").out.splitlines()
    assert "✓ identity: подключён как школа 23-042" in lines
    assert "✓ source.read: таблиц читается: 29" in lines
    assert any(line.startswith("    → Проверьте интернет") for line in lines)


def test_a_missing_source_stops_what_needs_it_and_nothing_else(console: Console, enrolled_folder: EnrolledFolder):
    said = doctor(console, enrolled_folder, "--json", GOROD_AGENT_SOURCE_URL="sqlite:////nowhere/база 1.db")
    assert failed(said)["source.open"] == "GOR-1301"
    names = [check["name"] for check in said.json["checks"]]
    assert "source.read" not in names
    assert "connection.sync" in names


def test_a_folder_that_was_never_enrolled_is_the_first_remedy(console: Console, tmp_path: Path):
    said = console("gorod-agent", "doctor", "--data", tmp_path, "--json")
    assert [name for name, code in failed(said).items() if code == "GOR-1107"] == ["identity"]


def test_a_missing_data_folder_is_told(console: Console, tmp_path: Path):
    said = console("gorod-agent", "doctor", "--data", tmp_path / "нет", "--json")
    assert failed(said)["data.write"] == "GOR-1005"


def test_little_space_is_told(console: Console, enrolled_folder: EnrolledFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(100, 99, 1 << 20))  # type: ignore[attr-defined]
    assert failed(doctor(console, enrolled_folder, "--json"))["data.write"] == "GOR-1701"


@pytest.mark.parametrize(
    ("offset", "code"), [(0.4, None), (-299.0, None), (301.0, "GOR-1114"), (-86_400.0, "GOR-1114")]
)
def test_a_wrong_clock_is_told(console: Console, enrolled_folder: EnrolledFolder, offset: float, code: str | None):
    (enrolled_folder.data / STATUS_FILE).write_text(json.dumps({"clock_offset_s": offset}), "utf-8")
    assert failed(doctor(console, enrolled_folder, "--json")).get("clock") == code


def test_a_clock_that_was_never_compared_is_not_praised(console: Console, enrolled_folder: EnrolledFolder):
    checks = doctor(console, enrolled_folder, "--json").json["checks"]
    assert "not compared yet" in checks[-1]["text"]


def test_the_doctor_leaves_nothing_behind(console: Console, enrolled_folder: EnrolledFolder):
    before = sorted(path.name for path in enrolled_folder.data.rglob("*"))
    doctor(console, enrolled_folder)
    assert sorted(path.name for path in enrolled_folder.data.rglob("*")) == before


class TestBundle:
    """``doctor --bundle``."""

    def written(self, console: Console, folder: EnrolledFolder) -> dict[str, str]:
        """The bundle's files of an agent with secrets of all kinds."""
        path = folder.source / "отчёт.zip"
        (folder.data / STATUS_FILE).write_text('{"school": "23-042", "clock_offset_s": 0}', "utf-8")
        environ = {"GOROD_AGENT_SOURCE_PASSWORD": "тайно-1", "GOROD_AGENT_PROXY": "http://user:тайно-2@proxy:3128"}
        doctor(console, folder, "--bundle", path, **environ)
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}

    def test_it_holds_checks_settings_status_and_versions(self, console: Console, enrolled_folder: EnrolledFolder):
        files = self.written(console, enrolled_folder)
        assert set(files) == {"about.json", "checks.json", "config.json", "status.json"}
        assert {check["name"] for check in json.loads(files["checks.json"])} == set(ALL)

    def test_no_secret_is_in_it(self, console: Console, enrolled_folder: EnrolledFolder):
        text = "".join(self.written(console, enrolled_folder).values())
        assert "тайно" not in text
        assert "PRIVATE KEY" not in text
        assert b"f".hex() * 32 not in text

    def test_no_person_is_in_it(self, console: Console, enrolled_folder: EnrolledFolder, school_names: set[str]):
        text = "".join(self.written(console, enrolled_folder).values())
        assert len(school_names) > 50
        assert [name for name in school_names if name in text] == []

    @pytest.fixture
    def school_names(self, school: Demo) -> set[str]:
        """Surnames that the source holds."""
        return {str(row[0]) for row in school.query("SELECT DISTINCT LastName FROM People") if len(str(row[0])) > 3}

    def test_a_place_that_cannot_be_written_is_told(self, console: Console, enrolled_folder: EnrolledFolder):
        said = doctor(console, enrolled_folder, "--bundle", enrolled_folder.source / "нет" / "x.zip")
        assert (said.code, said.err[:8]) == (1, "GOR-1021")
