"""Words that schools write themselves: audiences of announcements, keys with any signs in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.access_world import NOW, SCHOOLS

if TYPE_CHECKING:
    from tests.fix_readers import ReadersWorld

pytestmark = [pytest.mark.integration, pytest.mark.access]
A, _ = SCHOOLS


@pytest.mark.parametrize(
    ("audience", "readers"),
    [
        (None, "parent pupil staff"),
        ("  ", "parent pupil staff"),
        ("Все", "parent pupil staff"),
        ("ВСЕМ", "parent pupil staff"),
        ("Родители", "parent staff"),
        ("Законные представители", "parent staff"),
        ("Все родители", "parent staff"),
        ("Ученики", "parent pupil staff"),
        ("Учащиеся и их семьи", "parent pupil staff"),
        ("Дети и родители", "parent pupil staff"),
        ("7 класс", "parent pupil staff"),
        ("Родители 7 класса", "parent staff"),
        ("Ученики 5–9 классов", "parent pupil staff"),
        ("Ученики 5-6 классов", "staff"),
        ("10, 11 классы", "staff"),
        ("Ученики 1–4 классов, 7 класс", "parent pupil staff"),
        ("Учителя", "staff"),
        ("Все учителя", "staff"),
        ("Классные руководители", "staff"),
        ("Сотрудники и родители", "parent staff"),
        ("Совет школы", "staff"),  # what we do not understand is not told to families
    ],
)
def test_an_audience_means_whom_it_names(access: ReadersWorld, audience: str | None, readers: str):
    found = {
        reader
        for reader in ("pupil", "parent", "staff", "", "nobody")
        if access.value("SELECT gorod.audience_fits(%s, %s, '{7}')", audience, reader)
    }
    assert found == set(readers.split())


@pytest.mark.parametrize(
    "key", ["a/b", 'a"b', "a,b", "{a}", "a\\b", "a'b", " a ", "NULL", "ключ", "a/b/c,{}\"\\'", "*"]
)
def test_a_key_with_any_signs_is_reached_and_only_it(access: ReadersWorld, key: str):
    account = access.account("pupil", (A, "pu1"))
    with psycopg.connect(access.store.url) as connection:
        connection.execute("UPDATE gorod.pupil SET source_id = %s WHERE school_id = %s AND source_id = 'u1'", (key, A))
        connection.execute(
            "UPDATE gorod.period_result SET pupil_id = %s WHERE school_id = %s AND pupil_id = 'u1'", (key, A)
        )
        connection.execute("SET LOCAL ROLE gorod_portal")
        connection.execute("SELECT gorod.enter(%s, %s)", (account, NOW))
        assert connection.execute("SELECT school_id, source_id FROM gorod.pupil").fetchall() == [(A, key)]
        assert connection.execute("SELECT DISTINCT pupil_id FROM gorod.period_result").fetchall() == [(key,)]
        connection.rollback()
