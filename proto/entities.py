"""The canonical entities: what leaves a school, field by field, as data.

Everything that must agree about an entity is derived from this table: canonical bytes, columns of a batch, tables of the store,
checks of a profile, the data inventory. Numbers of entities and of fields are for ever: a number is never given to something else.
Field 1 of every entity is its key, ``id``: the canonical text of the source's key (see :func:`proto.canonical.canonical_key`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a field holds, how it is written in canonical form, and the column that keeps it."""

    KEY = "key"  # str: canonical key of the row itself
    REF = "ref"  # str: canonical key of a row of `target`
    REFS = "refs"  # str: canonical keys of several rows of `target`, sorted, joined by ","
    TEXT = "text"  # str, at most `limit` characters
    ENUM = "enum"  # str, one of `values`
    INT = "int"  # int, 32 bits signed
    DECIMAL = "decimal"  # int: the value times 10**scale
    BOOL = "bool"  # bool
    DATE = "date"  # int: days since 1970-01-01
    TIME = "time"  # int: seconds since local midnight
    TIMESTAMP = "timestamp"  # int: milliseconds since 1970-01-01T00:00 of the school's local clock


class Privacy(Enum):
    """Class of a field under 152-ФЗ, as the data inventory prints it."""

    OPEN = "О"
    PERSONAL = "П"
    SPECIAL = "С"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``encrypted`` fields are stored sealed per school and school-year; nothing sorts or joins by them."""

    number: int
    name: str
    kind: Kind
    privacy: Privacy = Privacy.OPEN
    encrypted: bool = False
    target: str | None = None
    values: tuple[str, ...] = ()
    limit: int = 0
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity. ``year`` and ``date`` name the fields that scope it to a school-year and place it in the hot window."""

    number: int
    name: str
    fields: tuple[Field, ...]
    year: str | None = None
    date: str | None = None
    history: bool = False

    def index(self, name: str) -> int:
        """Position of the field in a canonical row; KeyError if there is none."""
        for position, field in enumerate(self.fields):
            if field.name == name:
                return position
        raise KeyError(name)

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names in the order of a canonical row."""
        return tuple(field.name for field in self.fields)


_TEXT_LIMIT: Final = 500
_LONG_TEXT: Final = 20_000
_BY_WORD: Final = {kind.value: kind for kind in Kind}


def _field(number: int, line: str) -> Field:
    """Read one line of the table below: ``name kind[:argument] [П|С] [sealed]``."""
    name, kind_word, *marks = line.split()
    word, _, argument = kind_word.partition(":")
    kind = _BY_WORD[word]
    privacy = next((Privacy(mark) for mark in marks if mark in ("П", "С")), Privacy.OPEN)
    sealed = "sealed" in marks
    match kind:
        case Kind.REF | Kind.REFS:
            return Field(number, name, kind, privacy, sealed, target=argument)
        case Kind.ENUM:
            return Field(number, name, kind, privacy, sealed, values=tuple(argument.split("|")))
        case Kind.DECIMAL:
            precision, scale = argument.split(",")
            return Field(number, name, kind, privacy, sealed, precision=int(precision), scale=int(scale))
        case Kind.TEXT:
            return Field(number, name, kind, privacy, sealed, limit=int(argument) if argument else _TEXT_LIMIT)
        case _:
            return Field(number, name, kind, privacy, sealed)


def _entity(number: int, head: str, lines: str) -> Entity:
    """Read one entity: ``name [year] [date=field] [history]``, then a line per field; year-scoped ones get ``year_id`` second."""
    name, *marks = head.split()
    rows = [line.split("#")[0].strip() for line in lines.strip().splitlines()]
    fields = [Field(1, "id", Kind.KEY, Privacy.OPEN)]
    if "year" in marks:
        fields.append(Field(2, "year_id", Kind.REF, target="academic_year"))
    fields += [_field(position, row) for position, row in enumerate(rows, start=3)]
    return Entity(
        number,
        name,
        tuple(fields),
        year="year_id" if "year" in marks else None,
        date=next((mark.removeprefix("date=") for mark in marks if mark.startswith("date=")), None),
        history="history" in marks,
    )


# Numbers of fields: 1 is the key, 2 is kept for the year, the lines count from 3. New fields go to the END of their entity.
ENTITIES: Final[tuple[Entity, ...]] = (
    _entity(
        1,
        "organization",
        """
        code text:64
        parent_id ref:organization
        kind enum:department|school|addl_edu
        full_name text
        short_name text
        number text:32
        inn text:12
        ogrn text:15
        oktmo text:11
        address text
        phones text П
        email text П
        site text
        director_name text П sealed
        status enum:function|overhaul|reconstruction|suspended|awaiting|liquidated|closed|joined
        shifts int
        capacity int
    """,
    ),
    _entity(
        2,
        "academic_year",
        """
        name text:32
        start_date date
        end_date date
        closed bool
    """,
    ),
    _entity(
        3,
        "term year",
        """
        term_type enum:quarter|trimester|semester|year|custom
        name text:100
        seq int
        start_date date
        end_date date
        parallel int
        profile text:100
    """,
    ),
    _entity(
        4,
        "class year",
        """
        parallel int
        letter text:15
        profile text:100
        type text:100
        curriculum enum:classic|individual
        class_teacher_id ref:staff
        ref_headcount_20_09 int
        shift int
        room text:50
    """,
    ),
    _entity(
        5,
        "subject",
        """
        name text:200
        canonical_code text:64
        area text:200
        grading enum:5|10|12|100|pass
    """,
    ),
    _entity(
        6,
        "teaching_group year",
        """
        class_ids refs:class
        subject_id ref:subject
        name text:200
        kind enum:class|subgroup|iup|extra|addl
        hours decimal:5,2
    """,
    ),
    _entity(
        7,
        "person",
        """
        last_name text:100 П sealed
        first_name text:100 П sealed
        middle_name text:100 П sealed
        birth_date date П sealed
        sex enum:m|f П
    """,
    ),
    _entity(
        8,
        "pupil",
        """
        person_id ref:person П
        file_number text:50 П
        form enum:full_time|part_time|extramural|family|home П
    """,
    ),
    _entity(
        9,
        "legal_representative",
        """
        person_id ref:person П
        phone text:50 П sealed
        email text:254 П sealed
    """,
    ),
    _entity(
        10,
        "representation",
        """
        representative_id ref:legal_representative П
        pupil_id ref:pupil П
        relation enum:mother|father|relative|adoptive|step|guardian|trustee П
        may_view bool П
        from_date date П
        to_date date П
        blocked bool П
    """,
    ),
    _entity(
        11,
        "staff",
        """
        person_id ref:person П
        position text:200 П
        category text:100 П
        from_date date П
        to_date date П
    """,
    ),
    _entity(
        12,
        "teaching_assignment year",
        """
        staff_id ref:staff П
        teaching_group_id ref:teaching_group
        from_date date
        to_date date
        kind enum:main|substitute
    """,
    ),
    _entity(
        13,
        "enrollment year",
        """
        pupil_id ref:pupil П
        class_id ref:class П
        from_date date П
        to_date date П
        order_in_id ref:movement_order П
        order_out_id ref:movement_order П
    """,
    ),
    _entity(
        14,
        "group_membership year",
        """
        pupil_id ref:pupil П
        teaching_group_id ref:teaching_group П
        from_date date П
        to_date date П
        exempt bool П
    """,
    ),
    _entity(
        15,
        "bell_slot",
        """
        weekday int
        shift int
        number int
        start_time time
        end_time time
        variant text:100
    """,
    ),
    _entity(
        16,
        "timetable_slot year",
        """
        teaching_group_id ref:teaching_group
        weekday int
        bell_slot_id ref:bell_slot
        room text:50
        from_date date
        to_date date
        week_parity enum:every|odd|even
    """,
    ),
    _entity(
        17,
        "lesson year date=date",
        f"""
        teaching_group_id ref:teaching_group
        date date
        number int
        shift int
        staff_id ref:staff
        topic text:{_LONG_TEXT}
        state enum:held|cancelled|moved|distance
        filled_at timestamp
    """,
    ),
    _entity(
        18,
        "assignment_type",
        """
        name text:200
        abbr text:20
        canonical_kind text:32
        order int
        active bool
    """,
    ),
    _entity(
        19,
        "assignment year date=given_at",
        f"""
        lesson_id ref:lesson
        type_id ref:assignment_type
        title text
        description text:{_LONG_TEXT}
        weight decimal:5,2
        given_at date
        due_date date
        mandatory bool
        published_at timestamp
        deleted bool
        has_files bool
    """,
    ),
    _entity(
        20,
        "mark year date=set_at history",
        """
        assignment_id ref:assignment П
        pupil_id ref:pupil П
        ordinal int П
        value_kind enum:numeric|pass|code|duty П
        value decimal:6,2 П
        raw text:50 П
        scale enum:5|10|12|100|pass П
        weight decimal:5,2 П
        comment text:2000 П
        set_at timestamp П
        changed_at timestamp П
        author_id ref:staff П
    """,
    ),
    _entity(
        21,
        "attendance_event year date=at history",
        """
        lesson_id ref:lesson П
        pupil_id ref:pupil П
        submitted_code enum:УП|Б|НП|ОТ|ОП|ОСВ|ПР С
        corrected_code enum:УП|Б|НП|ОТ|ОП|ОСВ|ПР С
        minutes_late int П
        at timestamp П
    """,
    ),
    _entity(
        22,
        "period_result year history",
        """
        pupil_id ref:pupil П
        teaching_group_id ref:teaching_group П
        term_id ref:term П
        kind enum:term|year|exam|final|gia П
        value_kind enum:numeric|pass|code П
        value decimal:6,2 П
        raw text:50 П
        set_at timestamp П
    """,
    ),
    _entity(
        23,
        "movement_order year date=effective_date",
        """
        number text:50 П
        date date П
        effective_date date П
        kind enum:enroll|leave|move_class|next_year|conditional|repeat|graduate П
        reason text:64 С
    """,
    ),
    _entity(
        24,
        "movement_line year",
        """
        order_id ref:movement_order П
        pupil_id ref:pupil П
        from_class_id ref:class П
        to_class_id ref:class П
        from_organization text:64 П
        to_organization text:64 П
    """,
    ),
    _entity(
        25,
        "announcement date=published_at",
        f"""
        title text
        body text:{_LONG_TEXT}
        published_at timestamp
        expires_at timestamp
        author_id ref:staff
        audience text:200
    """,
    ),
    _entity(
        28,
        "journal_change year date=at",
        """
        lesson_id ref:lesson П
        mark_id text:200 П
        actor_id ref:staff П
        at timestamp П
        action text:50 П
        before text:200 П
        after text:200 П
    """,
    ),
    _entity(
        30,
        "source_visit date=login_at",
        """
        person_id ref:person П
        role text:50 П
        login_at timestamp П
        last_access_at timestamp П
    """,
    ),
    _entity(
        31,
        "illness_count year",
        """
        parallel int
        week_start date
        pupils int
    """,
    ),
)

BY_NAME: Final = {entity.name: entity for entity in ENTITIES}
BY_NUMBER: Final = {entity.number: entity for entity in ENTITIES}
