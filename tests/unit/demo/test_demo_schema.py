"""One schema text for two engines."""

import re
import sqlite3

from install.demo import schema


def test_sqlite_takes_every_statement_and_has_the_columns_that_the_loader_writes() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in schema.statements(schema.SQLITE):
        connection.execute(statement)
    for table, columns in schema.columns().items():
        assert [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] == [name for name, _ in columns]
    connection.close()


def test_no_word_of_the_neutral_text_is_left_in_a_dialect() -> None:
    for engine in (schema.SQLITE, schema.POSTGRES):
        text = "\n".join(schema.statements(engine))
        assert not re.search(r"\b(CODE|WORDS|DAY|STAMP|MOMENT|CLOCK|FLAG|AMOUNT|KEYED)\b", text)


def test_both_dialects_make_the_same_tables_and_indexes() -> None:
    names = [
        re.findall(r"CREATE (?:TABLE|INDEX) (\w+)", "\n".join(schema.statements(engine)))
        for engine in (schema.SQLITE, schema.POSTGRES)
    ]
    assert names[0] == names[1]
    assert len(names[0]) > 50


def test_every_table_begins_with_the_organisation() -> None:
    assert all(columns[0][0] == "OrgCode" for columns in schema.columns().values())
