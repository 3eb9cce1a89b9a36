"""Profiles: what is read, and every mistake named with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.core.drift import Column
from agent.profile import known, load, parse, validate_names
from agent.profile_check import mask, staying
from proto.entities import BY_NAME
from proto.problems import Problem
from tests.contract.vendors import PROFILE_TEXT, profile

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'name = "x"\nversion = 1\n'
SUBJECT = '[entity.subject]\nkey = ["id"]\nkey_type = "int"\n'
SQL = 'sql = "SELECT a AS id, n AS name FROM t WHERE o = :organisation"\n'

MISTAKES = {
    "no entities": (HEAD, "name, version, entity"),
    "no version": ('name = "x"\n' + SUBJECT + SQL, "name, version, entity"),
    "unknown setting": (HEAD + "colour = 1\n" + SUBJECT + SQL, "profile.colour"),
    "unknown entity": (HEAD + SUBJECT.replace("subject", "pet") + SQL, "entity.pet"),
    "unknown word": (HEAD + SUBJECT + SQL + "speed = 1\n", "subject.speed"),
    "no key": (HEAD + '[entity.subject]\nkey_type = "int"\n' + SQL, "subject.key"),
    "empty key": (HEAD + '[entity.subject]\nkey = []\nkey_type = "int"\n' + SQL, "subject.key"),
    "key type": (HEAD + SUBJECT.replace("int", "uuid") + SQL, "subject.key_type"),
    "composite of one": (HEAD + SUBJECT.replace("int", "composite") + SQL, "subject.key_type"),
    "hidden key": (HEAD + SUBJECT.replace('"id"', '"_id"') + SQL, "subject.key: _id"),
    "hint": (HEAD + SUBJECT + "hint = 5\n" + SQL, "subject.hint"),
    "no sql": (HEAD + SUBJECT, "subject.sql"),
    "unknown engine": (
        HEAD + SUBJECT + '[entity.subject.sql]\noracle = "SELECT :organisation"\n',
        "subject.sql.oracle",
    ),
    "no organisation": (HEAD + SUBJECT + 'sql = "SELECT a AS id FROM t"\n', "subject.sql: :organisation"),  # noqa: S608  names of the test itself
    "tables": (HEAD + SUBJECT + "tables = 5\n" + SQL, "subject.tables"),
    "hint table": (HEAD + SUBJECT + SQL + "[[entity.subject.hints]]\n" + SQL, "subject.hints"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place(name: str) -> None:
    text, place = MISTAKES[name]
    with pytest.raises(Problem) as caught:
        parse(text.encode())
    assert (caught.value.code, caught.value.details["cause"]) == ("GOR-1402", place)


@pytest.mark.parametrize("source", [b"name = ", b"\xff\xfe", b"[entity\n"])
def test_what_is_no_toml_is_a_mistake(source: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse(source)
    assert caught.value.code == "GOR-1402"


@pytest.mark.parametrize(
    "sql", ["DELETE FROM t WHERE o = :organisation", "SELECT a FROM t WHERE o = :organisation; SELECT 1"]
)
def test_a_query_that_is_no_plain_select_is_refused(sql: str) -> None:
    for text in (
        SUBJECT + f'sql = "{sql}"\n',
        SUBJECT + SQL + f'[[entity.subject.hints]]\ntable = "L"\nsql = "{sql}"\n',
    ):
        with pytest.raises(Problem) as caught:
            parse((HEAD + text).encode())
        assert (caught.value.code, caught.value.details["entity"]) == ("GOR-1404", "subject")


def test_an_unknown_profile_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        load(tmp_path / "none.toml")
    assert caught.value.code == "GOR-1401"
    assert "demo" in caught.value.details["known"]


def test_a_profile_is_found_by_name_or_file(tmp_path: Path) -> None:
    file = tmp_path / "мой профиль.toml"
    file.write_bytes(PROFILE_TEXT)
    assert load(file).name == "contract"
    assert load("demo").name == "demo"
    assert known() == sorted(known())


def test_the_hash_is_of_what_is_said_and_not_of_how() -> None:
    text = HEAD + SUBJECT + SQL
    same = "# a remark\n" + text.replace("version = 1", "version   =  0x1").replace("\nkey_type", "\n\nkey_type")
    assert parse(text.encode()).hash == parse(same.encode()).hash
    assert parse(text.encode()).hash != parse(text.replace("version = 1", "version = 2").encode()).hash
    assert parse(text.encode()).hash != parse(text.replace("n AS name", "m AS name").encode()).hash


def test_entities_come_in_the_order_of_their_numbers_and_know_their_neighbours() -> None:
    found = profile()
    numbers = [part.entity.number for part in found.entities]
    assert numbers == sorted(numbers)
    assert found.entity("pupil").guid_fields == {"person_id"}
    assert found.entity("attendance_event").year_type == "int"
    with pytest.raises(KeyError):
        found.entity("mark")


def test_an_engine_without_a_query_is_named() -> None:
    text = HEAD + SUBJECT + '[entity.subject.sql]\nsqlite = "SELECT a AS id FROM t WHERE o = :organisation"\n'  # noqa: S608  names of the test itself
    subject = parse(text.encode()).entity("subject")
    assert subject.select("sqlite").startswith("SELECT")
    with pytest.raises(Problem) as caught:
        subject.select("postgres")
    assert caught.value.details == {"profile": "x", "cause": "subject.sql.postgres"}


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        (["id", "name", "_changed", "colour"], "unknown: colour"),
        (["id", "name"], "missing: _changed"),
        (["name", "_changed"], "missing: id"),
        (["id", "name", "name", "_changed"], "twice: name"),
    ],
)
def test_result_columns_must_be_known_complete_and_single(names: list[str], cause: str) -> None:
    with pytest.raises(Problem) as caught:
        validate_names(profile().entity("subject"), names)
    assert (caught.value.code, caught.value.details) == (
        "GOR-1402",
        {"profile": "contract", "cause": f"subject: {cause}"},
    )


def test_year_and_date_are_needed_where_the_entity_has_them() -> None:
    with pytest.raises(Problem) as caught:
        validate_names(profile().entity("attendance_event"), ["lesson_id", "pupil_id", "_changed"])
    assert caught.value.details["cause"] == "attendance_event: missing: year_id, at"


def test_fields_that_the_vendor_lacks_may_be_left_out() -> None:
    validate_names(profile().entity("subject"), ["id", "_changed", "_anything"])


@pytest.mark.parametrize(
    ("entity", "field", "value", "shown"),
    [
        ("person", "last_name", "Иванова", "И…"),
        ("person", "birth_date", "2012-03-04", "0000-00-00"),
        ("person", "id", "ABc1-9", "AAa0-0"),
        ("mark", "raw", "5", "0"),
        ("mark", "raw", "н/а", "н…"),
        ("mark", "value", 4.5, "0.0"),
        ("attendance_event", "submitted_code", "Б", "•"),
        ("subject", "name", "Алгебра 7", "Алгебра 7"),
        ("person", "middle_name", None, "—"),
        ("person", "middle_name", "", ""),
    ],
)
def test_a_preview_shows_shapes_and_no_persons(entity: str, field: str, value: object, shown: str) -> None:
    found = BY_NAME[entity]
    assert mask(value, found.fields[found.index(field)]) == shown


def test_a_key_that_is_no_field_is_shown_by_its_shape() -> None:
    assert mask("Ab-12", None) == "Aa-00"


def test_columns_that_no_query_mentions_stay() -> None:
    columns = (
        Column("id", "int4"),
        Column("People.LastName", "text"),
        Column("People.Photo", "text"),
        Column("People.Phone", "text"),
    )
    assert staying(profile().entity("person"), columns, "postgres") == ("People.Photo",)
