"""The paper for the meeting of parents, read back as a reader of PDF reads it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader

from tests.fix_staff import SCHOOL, StaffPortal

if TYPE_CHECKING:
    from pypdf import PageObject

pytestmark = pytest.mark.integration

A4 = (595, 842)


def pages_of(staff: StaffPortal, query: str = "") -> list[PageObject]:
    """Pages of the class teacher's own class."""
    leader = staff.client("class_teacher")
    address = leader.get("/class").headers["location"]
    answer = leader.get(f"{address}/meeting.pdf{query}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    return list(PdfReader(io.BytesIO(answer.body)).pages)


def roll_of(staff: StaffPortal) -> list[str]:
    """Names on the roll, as the page of the class lists them."""
    leader = staff.client("class_teacher")
    page = leader.get(leader.get("/class").headers["location"]).text
    return re.findall(r'<th scope="row">([^<]+)</th>', page)


def text_of(page: PageObject) -> str:
    return " ".join(page.extract_text().split())


def test_every_pupil_has_one_page_of_a4_in_order_of_the_roll(staff: StaffPortal):
    pages, roll = pages_of(staff), roll_of(staff)
    assert len(pages) == len(roll)
    for page, name in zip(pages, roll, strict=True):
        assert (round(page.mediabox.width), round(page.mediabox.height)) == A4
        text = text_of(page)
        assert name in text
        assert not [other for other in roll if other != name and other in text]


def test_every_page_repeats_the_head_and_counts_itself(staff: StaffPortal):
    pages = pages_of(staff)
    for number, page in enumerate(pages, 1):
        text = text_of(page)
        assert f"страница {number} из {len(pages)}" in text
        assert "Школа 42-001 · 7" in text
        assert "данные на 23 ноября 2026, 12:13" in text


def test_every_page_says_who_printed_it_and_when(staff: StaffPortal):
    for page in pages_of(staff):
        assert text_of(page).count("class_teacher, 23 ноября 2026, 12:15") >= 3  # the watermark and the foot


def test_marks_means_and_results_are_those_of_the_term(staff: StaffPortal):
    leader = staff.client("class_teacher")
    address = leader.get("/class").headers["location"]
    terms = re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)</option>', leader.get(f"{address}/meeting").text)
    key, name = terms[0]
    text = " ".join(text_of(page) for page in pages_of(staff, f"?term={key}"))
    assert name in text
    results = staff.world.select(
        "SELECT DISTINCT u.name FROM gorod.period_result r JOIN gorod.teaching_group g ON g.school_id = r.school_id "
        "AND g.source_id = r.teaching_group_id JOIN gorod.subject u ON u.school_id = g.school_id AND u.source_id = g.subject_id "
        "JOIN gorod.enrollment e ON e.school_id = r.school_id AND e.pupil_id = r.pupil_id AND e.class_id = %s "
        "WHERE r.school_id = %s AND r.term_id = %s",
        address.rsplit("/", 1)[1],
        SCHOOL,
        key,
    )
    assert results
    for (subject,) in results:
        assert subject in text
    assert re.search(r"\d,\d\d \d+(,\d+)?/\d+", text)


def test_the_letters_travel_with_the_paper(staff: StaffPortal):
    fonts = {str(font["/BaseFont"]) for page in pages_of(staff)[:1] for font in _fonts(page)}
    assert any("Roboto" in name for name in fonts)


def _fonts(page: PageObject) -> list[dict[str, object]]:
    found = page["/Resources"]["/Font"]  # type: ignore[index]  # pypdf calls everything an object
    return [one.get_object() for one in found.values()]
