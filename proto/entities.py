"""The canonical entities: what leaves a school, field by field, as data.

Everything that must agree about an entity is derived from this table: canonical bytes, columns of a batch, tables of the store,
checks of a profile, the data inventory. Numbers of entities and of fields are for ever: a number is never given to something else.
Field 1 of every entity is its key, ``id``: the canonical text of the source's key (see :func:`proto.canonical.canonical_key`).
"""

from __future__ import annotations

from typing import Final

from proto.fields import Entity, Field, Kind, Privacy, read_entity

__all__ = ["BY_NAME", "BY_NUMBER", "ENTITIES", "Entity", "Field", "Kind", "Privacy"]

_LONG_TEXT: Final = 20_000

# Numbers of fields: 1 is the key, 2 is kept for the year, the lines count from 3. New fields go to the END of their entity.
ENTITIES: Final[tuple[Entity, ...]] = (
    read_entity(
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
    read_entity(
        2,
        "academic_year",
        """
        name text:32
        start_date date
        end_date date
        closed bool
    """,
    ),
    read_entity(
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
    read_entity(
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
    read_entity(
        5,
        "subject",
        """
        name text:200
        canonical_code text:64
        area text:200
        grading enum:5|10|12|100|pass
    """,
    ),
    read_entity(
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
    read_entity(
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
    read_entity(
        8,
        "pupil",
        """
        person_id ref:person П
        file_number text:50 П
        form enum:full_time|part_time|extramural|family|home П
    """,
    ),
    read_entity(
        9,
        "legal_representative",
        """
        person_id ref:person П
        phone text:50 П sealed
        email text:254 П sealed
    """,
    ),
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
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
    read_entity(
        30,
        "source_visit date=login_at",
        """
        person_id ref:person П
        role text:50 П
        login_at timestamp П
        last_access_at timestamp П
    """,
    ),
    read_entity(
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
