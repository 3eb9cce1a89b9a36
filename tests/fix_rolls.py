"""A school of full size, made by the database itself in seconds: plans of queries depend on sizes, not on what the rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.fix_readers import ReadersWorld, readers_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.store.embedded import EmbeddedServer

BIG, SMALL = "23-001", "23-002"
CLASSES, PUPILS, SUBJECTS, LESSONS = 30, 27, 12, 70
_TAIL: Final = "1, 0, 1, now(), false"  # row_hash, leaf, applied_seq, applied_at, archived

# c: class, p: pupil of the class, s: subject, l: lesson of the group. Keys: c, c-p, c-s, c-s-l. Two lessons a week from 1 September on.
_FILL: Final = """
academic_year SELECT %(s)s, 'new', '2026/27', '2026-09-01', '2027-05-31', false;
term SELECT %(s)s, 'q' || c || '-' || q, 'new', 'quarter', q || ' четверть', q, date '2026-09-01' + (q - 1) * 60, date
    '2026-08-30' + q * 60, c, NULL FROM generate_series(1, 11) c, generate_series(1, 4) q;
class SELECT %(s)s, c::text, 'new', 1 + c %% 11, 'А', NULL, NULL, 'classic', 's' || c, 25, 1, '101' FROM c;
subject SELECT %(s)s, s::text, 'Предмет ' || s, NULL, NULL, '5' FROM s;
teaching_group SELECT %(s)s, c || '-' || s, 'new', c::text, s::text, 'Группа', 'class', 2 FROM c, s;
pupil SELECT %(s)s, c || '-' || p, 'p' || c || '-' || p, NULL, 'full_time' FROM c, p;
staff SELECT %(s)s, 's' || c, 'ps' || c, 'Учитель', NULL, NULL, NULL FROM c;
teaching_assignment SELECT %(s)s, c || '-' || s, 'new', 's' || (1 + (c * s) %% 30), c || '-' || s, NULL, NULL, 'main' FROM c, s;
legal_representative SELECT %(s)s, c || '-' || p, 'r' || c || '-' || p, NULL, NULL, NULL, NULL, 2026 FROM c, p;
representation SELECT %(s)s, c || '-' || p, c || '-' || p, c || '-' || p, 'mother', true, NULL, NULL, false FROM c, p;
enrollment SELECT %(s)s, c || '-' || p, 'new', c || '-' || p, c::text, '2026-09-01', NULL, NULL, NULL FROM c, p;
group_membership SELECT %(s)s, c || '-' || s || '-' || p, 'new', c || '-' || p, c || '-' || s, '2026-09-01', NULL, false FROM c,
    p, s;
timetable_slot SELECT %(s)s, c || '-' || s, 'new', c || '-' || s, 1 + s %% 5, 'b', '101', NULL, NULL, 'every' FROM c, s;
lesson SELECT %(s)s, c || '-' || s || '-' || l, 'new', c || '-' || s, date '2026-09-01' + (l * 7 / 2), s, 1, 's' || (1 + (c * s)
    %% 30), 'Тема', 'held', CASE WHEN l %% 20 > 0 THEN timestamp '2026-09-01' END FROM l, c, s;
assignment SELECT %(s)s, c || '-' || s || '-' || l, 'new', c || '-' || s || '-' || l, '3', 'Работа', NULL, 1, date '2026-09-01' +
    (l * 7 / 2), date '2026-09-01' + (l * 7 / 2), true, NULL, false, false FROM l, c, s;
mark SELECT %(s)s, c || '-' || s || '-' || l || '-' || p, 'new', c || '-' || s || '-' || l, c || '-' || p, 1, CASE WHEN (l + p)
    %% 90 = 0 THEN 'duty' ELSE 'numeric' END, 2 + (l + p) %% 4, '4', '5', 1, NULL, timestamp '2026-09-01', NULL, 's1' FROM l, c,
    s, p WHERE (l + p + s) %% 3 = 0;
attendance_event SELECT %(s)s, c || '-' || s || '-' || l || '/' || p, 'new', c || '-' || s || '-' || l, c || '-' || p, 'ОТ',
    NULL, NULL, timestamp '2026-09-01' FROM l, c, s, p WHERE (l + p + s) %% 20 = 0;
period_result SELECT %(s)s, c || '-' || s || '-' || p || '-' || q, 'new', c || '-' || p, c || '-' || s, 'q' || (1 + c %% 11) ||
    '-' || q, 'term', 'numeric', 4, '4', NULL FROM c, s, p, generate_series(1, 4) q;
journal_change SELECT %(s)s, c || '-' || s || '-' || l, 'new', c || '-' || s || '-' || l, NULL, 's1', timestamp '2026-09-01' + l
    * interval '3 days', 'changed', '4', '5' FROM l, c, s WHERE l %% 3 = 0
"""
_SERIES: Final = (
    "WITH c AS (SELECT generate_series(1, %(c)s) c), p AS (SELECT generate_series(1, %(p)s) p), "
    "s AS (SELECT generate_series(1, %(n)s) s), l AS (SELECT generate_series(1, %(l)s) l) "
)


@pytest.fixture(scope="session")
def rolls(
    postgres: EmbeddedServer, store_template: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReadersWorld]:
    """A school of 810 pupils with a full school-year, and a small one beside it."""
    with readers_world(postgres, store_template, tmp_path_factory.mktemp("rolls"), "rolls") as world:
        for school, classes in ((BIG, CLASSES), (SMALL, 4)):
            world.add_school(school)
            sizes = {"s": school, "c": classes, "p": PUPILS, "n": SUBJECTS, "l": LESSONS}
            with world.store.owner() as owner:
                for line in _FILL.strip().split(";\n"):
                    entity, _, query = line.partition(" SELECT ")
                    head, source, rest = query.partition(" FROM ")
                    owner.execute(f"INSERT INTO gorod.{entity} {_SERIES} SELECT {head}, {_TAIL}{source}{rest}", sizes)
        with world.store.owner() as owner:
            owner.execute("ANALYZE")
        yield world
