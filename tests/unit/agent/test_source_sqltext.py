"""A profile's SQL: nothing but one plain SELECT of one organisation gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sources.sqltext import fault, mentioned, parameters, substitute, tokens

PLAIN = [
    "SELECT a FROM t WHERE o = :organisation",
    "select a.Id as id, replace(b, 'x', 'y') AS n from A a join B b on b.id = a.id where a.o = :organisation",
    "WITH y AS (SELECT 1) SELECT * FROM t, y WHERE o = :organisation",
    "SELECT 'DELETE FROM t; --' AS x, \"update\" FROM t WHERE o = :organisation",
    "SELECT [Order], `set` FROM t WHERE o = :organisation -- the vendor's names; insert nothing",
    "SELECT /* into; */ a::text, '12:30'::time FROM t WHERE o = :organisation",
    "SELECT $q$ it's; drop $q$ FROM t WHERE o = :organisation",
    "SELECT CASE WHEN x = 'О''Генри' THEN 1 END FROM t WHERE o = :organisation",
    "SELECT Имя FROM Люди WHERE o = :organisation",
]
REFUSED = {
    "": "SELECT",
    "DELETE FROM t WHERE o = :organisation": "SELECT",
    "SELECT a FROM t WHERE o = :organisation; DROP TABLE t": "; ' \" \\",
    "SELECT a FROM t WHERE o = :organisation;": "; ' \" \\",
    "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d WHERE o = :organisation": "DELETE",
    "SELECT a INTO b FROM t WHERE o = :organisation": "INTO",
    "SELECT a FROM t WHERE o = :organisation FOR UPDATE": "FOR",
    "SELECT a FROM t WHERE o = :organisation FOR KEY SHARE": "FOR",
    "SELECT a FROM t": ":organisation",
    "SELECT ':organisation' FROM t": ":organisation",
    "SELECT a FROM t -- :organisation": ":organisation",
    "SELECT a FROM t WHERE o = :organisation AND x = :after": ":after",
    "SELECT 'open FROM t WHERE o = :organisation": "; ' \" \\",
    "SELECT E'\\'; DROP TABLE t; --' FROM t WHERE o = :organisation": "; ' \" \\",
    "SELECT E'a\\\\' FROM t WHERE o = :organisation": "E'\\'",
    "SELECT /* /* */ DELETE */ a FROM t WHERE o = :organisation": "/* /*",
    "PRAGMA journal_mode = WAL": "SELECT",
    "VALUES (1)": "SELECT",
}


@pytest.mark.parametrize("sql", PLAIN)
def test_a_plain_select_is_let_through(sql: str) -> None:
    assert fault(sql) is None


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_no_plain_select_is_refused_with_the_reason(sql: str) -> None:
    assert fault(sql) is not None
    if "DROP TABLE t; --'" not in sql and "DELETE */" not in sql:
        assert fault(sql) == REFUSED[sql]


@given(st.sampled_from(PLAIN), st.sampled_from(["INSERT", "update", "Delete", "DROP", "pragma", "attach", "grant"]))
def test_a_writing_word_anywhere_outside_literals_is_refused(sql: str, word: str) -> None:
    places = [number for number, (kind, _text) in enumerate(tokens(sql)) if kind == "space"]
    for place in places:
        text = "".join(f" {word} " if number == place else text for number, (_kind, text) in enumerate(tokens(sql)))
        assert fault(text) is not None or "--" in sql


@given(st.text(max_size=60))
def test_the_tokens_together_are_the_text(sql: str) -> None:
    assert "".join(text for _kind, text in tokens(sql)) == sql


def test_the_organisation_is_put_where_it_stands_and_nowhere_else() -> None:
    sql = "SELECT ':organisation', \":organisation\", a::organisation FROM t WHERE o = :organisation -- :organisation"
    assert substitute(sql, lambda name: f"<{name}>") == sql.replace("= :organisation", "= <organisation>")
    assert parameters(sql) == {"organisation"}


def test_names_are_seen_quoted_or_not() -> None:
    assert {"name", "last name", "код"} <= mentioned("SELECT Name, \"Last Name\", [Код] FROM t WHERE x = 'photo'")
    assert "photo" not in mentioned("SELECT 'photo' FROM t -- photo")
