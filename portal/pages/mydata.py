"""«Мои данные»: what is held on the reader and the reader's children, as a page and as a file."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from collector.store import held, people, viewings
from collector.store.audit import person_subject
from portal.deps import SignedIn, reply
from portal.family import household, visit

router = APIRouter()


@router.get("/mydata")
def mydata_page(request: Request, caller: SignedIn) -> Response:
    """The reader's account, and each child's own page."""
    with household(caller) as family:
        values = family.values()
    return reply(request, caller.portal.renderer.html("mydata.html", caller.page, **values))


@router.get("/children/{school}/{pupil}/data")
def child_data_page(request: Request, caller: SignedIn, school: str, pupil: str) -> Response:
    """What is held on a pupil: the card, and how much of each kind."""
    with visit(caller, school, pupil) as child:
        card = people.card(child.reader, child.names, child.child.school, child.child.person)
        own = people.contacts(child.reader, child.names, child.child.school, [child.child.pupil])
        counts = held.counts_of(child.reader, *child.key)
        teachers = people.teachers_of(child.reader, child.names, *child.key, child.today)
        seen = viewings.of_person(child.reader, child.child.school, child.child.person)
        values = child.values() | {
            "view": "data",
            "card": card,
            "contacts": own,
            "counts": counts,
            "teachers": teachers,
            "seen": seen,
        }
    return reply(request, caller.portal.renderer.html("childdata.html", caller.page, **values))


@router.get("/children/{school}/{pupil}/data.json")
def child_data_file(caller: SignedIn, school: str, pupil: str) -> Response:
    """Every row that is held on a pupil, as JSON."""
    with visit(caller, school, pupil) as child:
        rows = held.rows_of(child.reader, child.names, *child.key)
        stamp = next(iter(child.values()["stamps"]), None)
    whole: dict[str, Any] = {
        "school": child.child.school,
        "school_name": child.child.school_name,
        "pupil": child.child.pupil,
        "made_at": caller.page.words.instant(caller.page.now),
        "data_as_of": caller.page.words.instant(stamp.at) if stamp and stamp.at else None,
        "entities": rows,
    }
    if caller.portal.people is not None:
        subject = person_subject(child.child.school, child.child.person)
        caller.portal.people.record(
            "exported", caller.session, caller.page.now, subject=subject, school=child.child.school
        )
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="gorod-{child.child.school}.json"',
    }
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    return Response(text, media_type="application/json", headers=headers)
