"""Codes, clocks and logins that are wrong: each has its problem in both languages, and nothing is harmed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from proto.enrolment import OneTimeCode, format_code, parse_code
from tests.acceptance.processes import refused, refused_in_both_languages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.world import City, School, Source

pytestmark = [pytest.mark.acceptance, pytest.mark.integration]
YEARS_S = 3 * 365 * 86_400.0


def enrols_after_all(school: School) -> None:
    """The right code still works."""
    school.enrol().ok()
    assert school.command("doctor").ok()["ok"]


def test_a_code_with_a_typing_error_is_refused_before_anything_is_dialled(new_school: Callable[..., School]) -> None:
    school = new_school(enrol=False)
    code = school.city.code(school.id)
    wrong = code[:-7] + ("A" if code[-7] != "A" else "B") + code[-6:]
    refused_in_both_languages(lambda lang: school.enrol(wrong, lang), "GOR-1101")
    enrols_after_all(school)


def test_a_code_that_the_department_never_gave_is_refused(new_school: Callable[..., School]) -> None:
    school = new_school(enrol=False)
    real = parse_code(school.city.code(school.id))
    guessed = format_code(OneTimeCode(real.address, real.pin, os.urandom(len(real.secret))))
    refused_in_both_languages(lambda lang: school.enrol(guessed, lang), "GOR-1102")
    enrols_after_all(school)


def test_a_used_code_is_refused_and_the_agent_that_used_it_works_on(
    new_school: Callable[..., School], new_source: Callable[..., Source]
) -> None:
    first, second = new_school(enrol=False), new_school(new_source(2), enrol=False)
    code = first.city.code(first.id)
    first.enrol(code).ok()
    refused_in_both_languages(lambda lang: second.enrol(code, lang), "GOR-1103")
    first.start().until_same()


def test_an_expired_code_is_refused(
    own_city: Callable[..., City], new_source: Callable[..., Source], tmp_path: Path
) -> None:
    city = own_city(code_ttl_s="1")
    school = city.add_school(new_source(), tmp_path / "agent")
    code = city.code(school.id)
    time.sleep(1.1)
    refused_in_both_languages(lambda lang: school.enrol(code, lang), "GOR-1104")


def test_a_code_of_another_department_is_not_even_sent(new_school: Callable[..., School]) -> None:
    school = new_school(enrol=False)
    real = parse_code(school.city.code(school.id))
    foreign = format_code(OneTimeCode(real.address, os.urandom(len(real.pin)), real.secret))
    refused_in_both_languages(lambda lang: school.enrol(foreign, lang), "GOR-1105")
    school.enrol(format_code(real)).ok()


def test_a_password_in_the_command_line_is_refused_as_misuse(new_school: Callable[..., School]) -> None:
    school = new_school(enrol=False)
    school.source.read_url = "postgresql://reader:secret@127.0.0.1:1/netschool"
    refused_in_both_languages(lambda lang: school.enrol(lang=lang), "GOR-1004", exit_code=2)


def test_a_wrong_database_password_is_told_and_the_code_is_not_used_up(
    new_school: Callable[..., School], postgres_source: Source
) -> None:
    school, password = new_school(postgres_source, enrol=False), postgres_source.password
    code = school.city.code(school.id)
    postgres_source.password = "wrong"
    refused_in_both_languages(lambda lang: school.enrol(code, lang), "GOR-1311")
    postgres_source.password = password
    school.enrol(code).ok()


def test_a_clock_that_is_off_by_years_is_told_at_enrolment(new_school: Callable[..., School]) -> None:
    school = new_school(enrol=False)
    code, school.clock_s = school.city.code(school.id), -YEARS_S
    refused_in_both_languages(lambda lang: school.enrol(code, lang), "GOR-1114")
    school.clock_s = 0.0
    school.enrol(code).ok()


@pytest.mark.parametrize("clock_s", [-YEARS_S, YEARS_S], ids=["behind", "ahead"])
def test_a_clock_that_is_off_by_years_is_shown_and_stops_nothing(
    new_school: Callable[..., School], clock_s: float
) -> None:
    school = new_school()
    school.clock_s = clock_s
    school.start().until_same()
    school.until_problem("GOR-1114")
    school.clock_s = 0.0
    for lang in ("ru", "en"):
        told = school.command("status", lang=lang).ok()
        refused(told["problem"], "GOR-1114")
        assert abs(told["clock_offset_s"] - clock_s) < 60
    line = school.state_of_centre()
    refused(line["problem"], "GOR-1114")
    assert abs(line["clock_offset_s"] - clock_s) < 60
