"""The department's pages about the portal itself: visits, accounts, the record; a head reads the visits of the own school."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.status import HTTP_404_NOT_FOUND

from portal import charts, csvs, names, paging, staff_names
from portal.deps import Caller, SignedIn, reply
from portal.security import Right
from portal.views import visits as view

if TYPE_CHECKING:
    from datetime import date

    from collector.store.accounts import Account
    from portal.city import Reading, StoreCity
    from portal.views.visits import Span

router = APIRouter()


@router.get("/visits")
def visits_page(request: Request, caller: SignedIn) -> Response:
    """Who reads the portal: by day, school, role and group of pages; who never came; the way to the first visit."""
    caller.need(Right.VISITS)
    over, role, found = _visits(request, caller)
    words = caller.page.words
    html = caller.portal.renderer.html(
        "staff/visits.html",
        caller.page,
        over=over,
        role=role,
        found=found,
        schools=_schools(caller),
        days=view.by_day(found.by_day, over),
        day_chart=charts.standing(
            view.day_bars(found.by_day, over, words),
            words.gettext("People by day"),
            words.gettext("How many people opened a page on each day; the table below holds the numbers."),
        ),
        group_chart=charts.lying(
            view.bars(
                found.by_group,
                {key: words.gettext(text) for key, text in staff_names.PAGE_GROUPS.items()},
                "page_group",
                words,
            ),
            words.gettext("People by group of pages"),
            words.gettext("How many people opened pages of each group; the table below holds the numbers."),
        ),
        steps={kind: view.steps(found.funnel, kind) for kind in ("pupil", "parent", "staff")} if found.funnel else {},
        spans=_spans(request, caller, over),
        page_groups=staff_names.PAGE_GROUPS,
        step_names=staff_names.FIRST_VISIT,
        people_kinds=staff_names.PEOPLE,
        timedelta=timedelta,
    )
    return reply(request, html)


@router.get("/board")
def board_page(request: Request, caller: SignedIn) -> Response:
    """Every school in one table: state, whether it was heard of today, who reads it."""
    caller.need(Right.SCHOOLS)
    today = _today(caller)
    schools = caller.portal.reader.schools(caller.scope, caller.page.now)
    seen = _city(caller).schools_seen(caller.scope, today - timedelta(days=view.SPANS[0] - 1), today)
    rows = view.board(schools, seen, today, caller.portal.config.timezone)
    html = caller.portal.renderer.html("staff/board.html", caller.page, rows=rows, found=view.board_totals(rows))
    return reply(request, html)


@router.get("/visits.csv")
def visits_table(request: Request, caller: SignedIn) -> Response:
    """The same as a table for spreadsheets; taking it out is recorded."""
    caller.need(Right.VISITS)
    over, role, found = _visits(request, caller)
    words, schools = caller.page.words, _schools(caller)
    head = [words.gettext(text) for text in staff_names.VISITS_HEAD]
    rows: list[list[object]] = []
    for kind, counted, label in (
        ("day", found.by_day, lambda one: one.day.isoformat()),
        ("school", found.by_school, lambda one: schools.get(one.school or "", words.gettext("the department"))),
        ("role", found.by_role, lambda one: words.gettext(names.ROLES[one.role])),
        (
            "page_group",
            found.by_group,
            lambda one: words.gettext(staff_names.PAGE_GROUPS.get(one.page_group, one.page_group)),
        ),
    ):
        rows += [[words.gettext(staff_names.VISITS_BY[kind]), label(one), one.people, one.pages] for one in counted]
    _city(caller).exported(caller.session.account, f"visits {role}".strip(), len(rows), caller.page.now)
    return csv_reply(
        f"visits-{over.since}-{over.until}.csv", csvs.document(head, rows, semicolon=_semicolon(request, caller))
    )


@router.get("/accounts")
def accounts_page(request: Request, caller: SignedIn) -> Response:
    """Accounts of the department and of schools' staff; families' are counted only."""
    caller.need(Right.ACCOUNTS)
    every = _city(caller).accounts()
    role, school = request.query_params.get("role", ""), request.query_params.get("school", "")
    role = role if role in names.ROLES else ""
    workers = [one for one in every if one.role not in ("pupil", "parent")]
    of_school = [one for one in workers if school in ("", *one.schools)]
    shown = [one for one in of_school if role in ("", one.role)]
    counts = {"": len(of_school)} | {each: sum(one.role == each for one in of_school) for each in names.ROLES}
    html = caller.portal.renderer.html(
        "staff/accounts.html",
        caller.page,
        part=paging.cut(shown, _login, request.query_params.get("after", "")),
        role=role,
        school=school,
        schools=_schools(caller),
        counts=counts,
        families=len(every) - len(workers),
    )
    return reply(request, html)


@router.get("/audit")
def audit_page(request: Request, caller: SignedIn) -> Response:
    """What people did, newest first."""
    caller.need(Right.AUDIT)
    before = request.query_params.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None  # noqa: PLR2004  bigint
    subject = request.query_params.get("subject", "")[:200]
    found = _city(caller).record(number, subject or None)
    html = caller.portal.renderer.html(
        "staff/audit.html", caller.page, found=found, subject=subject, first=number is None, kinds=staff_names.AUDIT
    )
    return reply(request, html)


def csv_reply(name: str, body: bytes) -> Response:
    """A file of a table."""
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


def _visits(request: Request, caller: Caller) -> tuple[Span, str, Reading]:
    asked, today = request.query_params, _today(caller)
    over = view.span(asked.get("since", ""), asked.get("until", ""), today)
    role = asked.get("role", "")
    role = role if role in names.ROLES else ""
    found = _city(caller).reading(
        caller.session.account, caller.scope, over.since, over.until, caller.page.now, role=role or None
    )
    return over, role, found


def _spans(request: Request, caller: Caller, over: Span) -> list[tuple[str, str, bool]]:
    today, words = _today(caller), caller.page.words
    links: list[tuple[str, str, bool]] = []
    for days in view.SPANS:
        since = today - timedelta(days=days - 1)
        chosen = (over.since, over.until) == (since, today)
        text = words.ngettext("%(num)s day", "%(num)s days", days)
        links.append((f"{request.url.path}?since={since}&until={today}", text, chosen))
    return links


def _semicolon(request: Request, caller: Caller) -> bool:
    """Russian spreadsheets take a semicolon for the separator; ``sep`` of the address overrules the language."""
    return request.query_params.get("sep", ";" if caller.page.words.lang == "ru" else ",") == ";"


def _schools(caller: Caller) -> dict[str, str]:
    return {one.school: one.name for one in caller.portal.reader.schools(caller.scope, caller.page.now)}


def _today(caller: Caller) -> date:
    return caller.page.now.astimezone(caller.portal.config.timezone).date()


def _city(caller: Caller) -> StoreCity:
    people = caller.portal.people
    if people is None:
        raise HTTPException(HTTP_404_NOT_FOUND)
    return people.city


def _login(account: Account) -> str:
    return account.login
