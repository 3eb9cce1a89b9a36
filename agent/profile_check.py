"""Does a profile fit this database? Per entity: the SELECT runs, names are known, keys are there and unique, pages are index seeks.

``check`` answers "25 of 25" or what is wrong; ``preview`` shows, masked, what would leave, and which columns stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.profile import AGGREGATED, validate_names
from agent.sources import sqltext
from agent.sources.page import entity_columns
from agent.sources.query import WHOLE
from proto.canonical import normalise_columns
from proto.entities import Kind, Privacy
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.profile import EntityProfile, Profile
    from agent.sources.base import Column, Page, Source
    from proto.entities import Entity, Field

SAMPLE_ROWS: Final = 1000
PREVIEW_ROWS: Final = 5
REPEATED_LIMIT: Final = 1000
_UNFIT_SHARE: Final = 0.5
"""A mapping that leaves more than half of the sampled rows without canonical form is a mistake of the profile, not of a few rows."""


@dataclass(frozen=True, slots=True)
class EntityCheck:
    """What was found about one entity; ``unfit`` counts sampled rows without canonical form by field and cause."""

    entity: str
    problems: tuple[Problem, ...]
    unfit: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether it can be captured."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class ProfileCheck:
    """What was found about the whole profile."""

    profile: str
    version: int
    entities: tuple[EntityCheck, ...]

    @property
    def passed(self) -> int:
        """Entities without problems."""
        return sum(found.ok for found in self.entities)

    @property
    def ok(self) -> bool:
        """Whether all fit."""
        return self.passed == len(self.entities)

    def as_json(self, lang: str) -> dict[str, Any]:
        """What ``profile check --json`` prints."""
        lines = [
            {
                "entity": found.entity,
                "ok": found.ok,
                "problems": [problem.as_json(lang) for problem in found.problems],
                "unfit": found.unfit,
            }
            for found in self.entities
        ]
        return {
            "profile": self.profile,
            "version": self.version,
            "ok": self.ok,
            "passed": self.passed,
            "total": len(self.entities),
            "entities": lines,
        }


def check(profile: Profile, source: Source) -> ProfileCheck:
    """Check every entity of a profile against a database. A person waits for this: it reads whole tables once.

    Raises:
        Problem: the source itself cannot be read (13xx).
    """
    source.connect()
    return ProfileCheck(profile.name, profile.version, tuple(check_entity(part, source) for part in profile.entities))


def check_entity(profile: EntityProfile, source: Source) -> EntityCheck:
    """Check one entity; the steps after a failed SELECT are left out."""
    try:
        source_columns = source.columns(profile)
        validate_names(profile, [column.name for column in source_columns if "." not in column.name])
        sample = source.page(profile, None, SAMPLE_ROWS, WHOLE)
    except Problem as problem:
        if problem.kind == "source":
            raise
        return EntityCheck(profile.name, (problem,), {})
    unfit = _unfit(profile, sample)
    return EntityCheck(profile.name, tuple(_faults(profile, source, sample, unfit)), unfit)


def _faults(profile: EntityProfile, source: Source, sample: Page, unfit: dict[str, int]) -> Iterator[Problem]:
    missing = source.keyless(profile) + sum(sample.unkeyed.values())
    if missing:
        yield Problem("GOR-1405", entity=profile.name, count=missing)
    repeated = source.repeated(profile, REPEATED_LIMIT) or len(sample.keys) - len(set(sample.keys))
    if repeated:
        yield Problem("GOR-1406", entity=profile.name, count=repeated)
    lost = set(sample.keys) - set(source.by_keys(profile, sample.keys).keys)
    if lost:
        yield profile.mistake(f"{profile.name}: key_type = {profile.key_type}: {len(lost)}/{len(sample)}")
    for plan in () if profile.name in AGGREGATED else source.plans(profile):
        if plan.faults:
            yield Problem("GOR-1408", entity=profile.name, plan=f"{plan.name}: {'; '.join(plan.faults)}")
    if len(sample) and max(unfit.values(), default=0) > _UNFIT_SHARE * len(sample):
        spoilt = "; ".join(f"{name} {number}" for name, number in unfit.items())
        yield profile.mistake(f"{profile.name}: {spoilt}")


def _unfit(profile: EntityProfile, sample: Page) -> dict[str, int]:
    """Rows without canonical form by field and cause, found field by field so that the profile's author sees which it is."""
    columns = entity_columns(profile, sample, range(len(sample)))
    _values, causes = normalise_columns(profile.entity, columns)
    if not causes:
        return {}
    found: dict[str, int] = {}
    for field, column in zip(profile.entity.fields, columns, strict=True):
        for cause in _field_causes(profile.entity, field, column, len(sample)).values():
            name = f"{field.name}: {cause}"
            found[name] = found.get(name, 0) + 1
    return found


def _field_causes(entity: Entity, field: Field, column: Sequence[object], rows: int) -> dict[int, str]:
    nothing: list[object] = [None] * rows
    alone = [column if other is field else nothing for other in entity.fields]
    return normalise_columns(entity, alone)[1]


@dataclass(frozen=True, slots=True)
class EntityPreview:
    """What of one entity would leave: names with their class under 152-ФЗ, a few masked rows, and the columns that stay."""

    entity: str
    leaving: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    staying: tuple[str, ...]


def preview(profile: EntityProfile, source: Source, rows: int = PREVIEW_ROWS) -> EntityPreview:
    """The first rows of an entity as a person may look at them."""
    fields = {field.name: field for field in profile.entity.fields}
    page = source.page(profile, None, rows, WHOLE)
    masked = [
        tuple(mask(value, fields.get(name)) for name, value in zip(page.columns, row, strict=True))
        for row in page.rows[:rows]
    ]
    leaving = tuple(
        (name, fields[name].privacy.value if name in fields else Privacy.OPEN.value) for name in page.columns
    )
    return EntityPreview(profile.name, leaving, tuple(masked), staying(profile, source.columns(profile), source.engine))


def staying(profile: EntityProfile, columns: Sequence[Column], engine: str) -> tuple[str, ...]:
    """Columns of the entity's tables that its SELECT does not even mention."""
    mentioned = sqltext.mentioned(profile.select(engine))
    return tuple(
        column.name for column in columns if "." in column.name and column.name.split(".")[-1].lower() not in mentioned
    )


def mask(value: object, field: Field | None) -> str:
    """A value as a preview shows it: open ones as they are, personal ones by their shape, special ones not at all.

    ``Иванова`` becomes ``И…``, ``2011-04-05`` becomes ``0000-00-00``, a key keeps its length.
    """
    if value is None:
        return "—"
    text = str(value)
    if field is None or field.kind is Kind.KEY or field.privacy is Privacy.OPEN:
        return text if field is not None and field.kind is not Kind.KEY else _shape(text)
    if field.privacy is Privacy.SPECIAL:
        return "•"
    if field.kind in (Kind.TEXT, Kind.REFS) and not text.replace(".", "").isdigit():
        return f"{text[:1]}…" if text else ""
    return _shape(text)


def _shape(text: str) -> str:
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text)))
