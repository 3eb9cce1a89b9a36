"""The world of `access_world` in a store of its own; tests that change it roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.access_world import SCHOOLS, everything, rows
from tests.fix_readers import ReadersWorld, readers_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.store.embedded import EmbeddedServer
    from proto.batch import TableRows

# One row of everything that is no canonical entity; %s is the school.
_STATE = """
INSERT INTO gorod.ledger (school_id, epoch, seq, hash, header, rows, applied, unchanged, quarantined) VALUES (%(s)s, '', 1, '', '', 0, 0, 0, 0);
INSERT INTO gorod.quarantine VALUES (%(s)s, 1, '', 'q', NULL, 'cause', 1, 1, NULL, 1, now());
INSERT INTO gorod.tombstone (school_id, entity, source_id, row_hash, seq, deleted_at) VALUES (%(s)s, 1, 't', 1, 1, now());
INSERT INTO gorod.closed_year VALUES (%(s)s, 'old', 1, now());
INSERT INTO gorod.digest (school_id, epoch, seq, equal, frame) VALUES (%(s)s, '', 1, true, '');
INSERT INTO gorod.event (school_id, kind) VALUES (%(s)s, 'enrolled');
INSERT INTO gorod.release (school_id, number, entity, rows) VALUES (%(s)s, 1, 1, 1);
INSERT INTO gorod.certificate (serial, school_id, der, not_after, issued_at) VALUES (%(s)s, %(s)s, '', now(), now())
"""


@pytest.fixture(scope="session")
def access(
    postgres: EmbeddedServer, store_template: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReadersWorld]:
    """Both schools, filled alike, with something in every table that holds data of schools."""
    with readers_world(postgres, store_template, tmp_path_factory.mktemp("access"), "access") as world:
        for school in SCHOOLS:
            world.add_school(school)
            world.fill(school, *everything())
            world.fill(school, *_changed(), seq=2)
            with world.store.owner() as owner:
                for statement in _STATE.strip().split(";\n"):
                    owner.execute(statement, {"s": school})
        yield world


def _changed() -> list[TableRows]:
    """Another state of a mark, an absence and a result, so that their histories hold one row each."""
    return [
        rows("mark", "l1-now-u1 assignment_id=l1-now pupil_id=u1", year_id="new", value_kind="numeric", value=400),
        rows("attendance_event", "l1-u1 lesson_id=l1 pupil_id=u1", corrected_code="ПР"),
        rows("period_result", "g1-u1 teaching_group_id=g1 pupil_id=u1", year_id="new", term_id="q1", raw="4"),
    ]
