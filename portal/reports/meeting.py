"""«На родительское собрание»: a page for each pupil of a class, marks by subject, means, attendance, debts (pure)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.units import mm
from reportlab.platypus import KeepInFrame, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from portal import names
from portal.reports import paper
from portal.views.shared import mark_view
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.platypus import Flowable

    from collector.store.diary import Debt
    from collector.store.figures import Ratio
    from collector.store.marks import SubjectMark, SubjectMarks
    from portal.spoken import Spoken
    from portal.views.class_book import ClassBook, PupilPage

_TOP: Final = 17 * mm
_BOTTOM: Final = 15 * mm
_SPACE: Final = 6 * mm  # for a signature
_COLUMNS: Final = (44 * mm, 82 * mm, 20 * mm, 20 * mm, 14 * mm)
_HEADS: Final = (_("Subject"), _("Marks"), _("Mean"), _("Weighted mean"), _("Result"))
_DEBTS_SHOWN: Final = 8
_MISSED: Final = ("НП", "ОТ", "УП", "Б")
_LATE: Final = "ОП"
_WIDTH: Final = paper.WIDTH - 2 * paper.MARGIN
_HEIGHT: Final = paper.HEIGHT - _TOP - _BOTTOM - 12  # platypus frames have a padding of 6 points on each side


def render(book: ClassBook, spoken: Spoken) -> bytes:
    """The document. A page that is too full is set smaller, so that no pupil has two."""
    paper.load_fonts()
    words = spoken.words
    stamp = f"{book.printed_by}, {words.moment(book.printed_at)}"
    title = words.gettext("Class %(name)s, %(term)s", name=book.class_name, term=book.term.name)
    as_of = "" if book.as_of is None else words.gettext("data as of %(moment)s", moment=words.moment(book.as_of))
    frame = paper.Frame(
        " · ".join(part for part in (book.school_name, title, as_of) if part),
        words.gettext("Printed by %(stamp)s. Personal data: for the parents of this pupil only.", stamp=stamp),
        lambda number, total: words.gettext("page %(number)s of %(total)s", number=number, total=total),
        stamp,
    )
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=(paper.WIDTH, paper.HEIGHT),
        leftMargin=paper.MARGIN - 6,
        rightMargin=paper.MARGIN - 6,
        topMargin=_TOP,
        bottomMargin=_BOTTOM,
        title=title,
        author=book.school_name,
        lang=words.lang,
    )
    document.build(_story(book, spoken), canvasmaker=paper.canvas_maker(frame))
    return out.getvalue()


def _story(book: ClassBook, spoken: Spoken) -> list[Flowable]:
    story: list[Flowable] = []
    for page in book.pages:
        if story:
            story.append(PageBreak())
        story.append(KeepInFrame(_WIDTH, _HEIGHT, _page(page, book, spoken), mode="shrink"))
    if not story:
        story.append(_text(spoken.words.gettext("Nobody is on the class's roll."), 11))
    return story


def _page(page: PupilPage, book: ClassBook, spoken: Spoken) -> list[Flowable]:
    words = spoken.words
    days = f"{spoken.full_day(book.term.first)} – {spoken.full_day(book.term.last)}"
    return [
        _text(spoken.person(page.pupil.name, full=True), 15, bold=True),
        _text(f"{words.gettext('Class %(name)s', name=book.class_name)} · {book.term.name} · {days}", 9, muted=True),
        Spacer(0, 3 * mm),
        _marks(page.subjects, spoken),
        Spacer(0, 4 * mm),
        *_attendance(page, spoken),
        Spacer(0, 3 * mm),
        *_debts(page, spoken),
        Spacer(0, _SPACE),
        _text(
            words.gettext("Seen by a parent: ____________________ / ____________________    Date: ______________"), 9
        ),
    ]


def _marks(subjects: Sequence[SubjectMarks], spoken: Spoken) -> Flowable:
    words = spoken.words
    head = [words.gettext(text) for text in _HEADS]
    rows: list[list[Any]] = [[_text(text, 8, bold=True) for text in head]]
    rows += [
        [
            _text(one.subject, 9),
            Paragraph(_line(one.marks, spoken), paper.style(10)),
            _mean(one.mean, spoken),
            _mean(one.weighted, spoken),
            _text(one.result.text if one.result else "", 11, bold=True),
        ]
        for one in subjects
    ]
    if len(rows) == 1:
        return _text(words.gettext("No subjects in this term."), 9, muted=True)
    table = Table(rows, _COLUMNS, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), paper.SURFACE),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, paper.LINE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return table


def _line(marks: Sequence[SubjectMark], spoken: Spoken) -> str:
    """Marks in a row: weights above the line, a 2 by weight and colour, debts as a word."""
    parts = []
    for mark in marks:
        one = mark_view(spoken.words, mark.kind, mark.value, mark.text, mark.weight, ())
        text = escape(one.text) + (f"<super size=6>{escape(one.weight)}</super>" if one.weight else "")
        parts.append(f'<b><font color="#b42318">{text}</font></b>' if one.tone in ("low", "debt") else text)
    return " &nbsp;".join(parts) or "—"


def _mean(ratio: Ratio, spoken: Spoken) -> Paragraph:
    made = f' <font size=7 color="#57606a">{spoken.parts(ratio)}</font>' if ratio.denominator else ""
    return Paragraph(f"{spoken.words.hundredths(ratio.value)}{made}", paper.style(9.5))


def _attendance(page: PupilPage, spoken: Spoken) -> list[Flowable]:
    words, found = spoken.words, page.attendance
    reasons = ", ".join(
        f"{words.gettext(names.ABSENCES[code][1])}: {number}"
        for code, number in found.lessons_by_reason.items()
        if number and code in _MISSED
    )
    lessons = words.ngettext("%(num)s lesson missed", "%(num)s lessons missed", found.missed_lessons)
    days = words.ngettext("%(num)s whole day", "%(num)s whole days", found.missed_days)
    rate = (
        ""
        if found.rate.percent is None
        else f", {words.gettext('attended %(rate)s %%', rate=spoken.words.hundredths(found.rate.percent))}"
    )
    late = found.lessons_by_reason.get(_LATE, 0)
    told = [
        f"{lessons}, {days}{rate}",
        reasons,
        words.ngettext("late %(num)s time", "late %(num)s times", late) if late else "",
    ]
    return [
        _text(words.gettext("Attendance"), 11, bold=True),
        _text(". ".join(part for part in told if part) + ".", 9),
    ]


def _debts(page: PupilPage, spoken: Spoken) -> list[Flowable]:
    words = spoken.words
    owed = [debt for debt in page.debts if debt.reason == "duty"]
    unmarked = len(page.debts) - len(owed)
    lines = [
        f"{debt.subject}: {debt.title or words.gettext('work without a title')}, {_day(debt, spoken)}"
        for debt in owed[:_DEBTS_SHOWN]
    ]
    if len(owed) > _DEBTS_SHOWN:
        lines.append(words.ngettext("and %(num)s more", "and %(num)s more", len(owed) - _DEBTS_SHOWN))
    if not lines:
        lines.append(words.gettext("None."))
    if unmarked:
        lines.append(
            words.ngettext("beside, %(num)s work due has no mark", "beside, %(num)s works due have no mark", unmarked)
        )
    return [_text(words.gettext("Debts"), 11, bold=True), *(_text(f"• {line}", 9) for line in lines)]


def _text(text: str, size: float, *, bold: bool = False, muted: bool = False) -> Paragraph:
    changes = {"textColor": paper.MUTED} if muted else {}
    return Paragraph(escape(text), paper.style(size, bold=bold, **changes))


def _day(debt: Debt, spoken: Spoken) -> str:
    day = debt.due or debt.given
    return "" if day is None else spoken.full_day(day)
