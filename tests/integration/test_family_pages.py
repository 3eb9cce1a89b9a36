"""A family's pages over a real database: what they say, to whom, and to whom nothing."""

import json
import re
from datetime import timedelta

import pytest

from tests.fix_readers import NOW, ReadersWorld
from tests.fix_readers_family import FURTHER, GENERAL, FamilyWorld, make_family
from tests.portal_world import Client

pytestmark = pytest.mark.integration

VIEWS = ("diary", "marks", "results", "debts", "attendance", "timetable", "data", "data.json")


def token_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_today_opens_with_the_sentence_about_every_child(family: FamilyWorld):
    words = family.client().get("/").words
    lessons = family.value(
        "SELECT count(*) FROM gorod.lesson l JOIN gorod.group_membership m USING (school_id, teaching_group_id) "
        "WHERE school_id = %s AND pupil_id = %s AND l.date = '2026-11-23' AND state IS DISTINCT FROM 'cancelled'",
        GENERAL,
        family.child,
    )
    assert re.search(rf"Сегодня: .*— {lessons} урок", words)
    assert "занят" in words.split("Данные на")[0]


def test_today_of_one_child_says_today_once(family: FamilyWorld):
    words = family.client("mother").get("/").words
    assert re.search(r"Сегодня \d+ урок[а-я]*, ", words)


def test_a_pupil_sees_the_own_day_without_being_named(family: FamilyWorld):
    page = family.client("pupil").get("/")
    assert page.status == 200
    assert 'class="quiet"' in page.text.split("<main")[1]
    assert "Новое для вас" in page.words


def test_a_parent_without_children_is_told_what_to_do(family: FamilyWorld):
    words = family.client("stranger").get("/").words
    assert "Здесь пока нет ребёнка" in words
    assert "Спросите секретаря школы" in words


def test_every_page_says_as_of_when_its_data_are(family: FamilyWorld):
    client = family.client()
    for view in VIEWS[:-1]:
        assert "Данные на 12:14" in client.get(family.at(view)).words, view


def test_data_older_than_a_day_are_said_to_be_old(stamped: ReadersWorld):
    late = make_family(stamped, NOW + timedelta(days=2))
    words = late.client("mother").get(late.at("diary")).words
    assert "новых данных нет с 23 ноября, 12:14" in words
    assert "пока видно только в NetSchool" in words


@pytest.mark.parametrize("view", [*VIEWS, "whatif?subject=1"])
def test_nobody_else_s_child_and_no_child_at_all_give_the_same_page(family: FamilyWorld, view: str):
    client = family.client("mother")
    other = family.value(
        "SELECT min(source_id) FROM gorod.pupil WHERE school_id = %s AND source_id <> %s", GENERAL, family.child
    )
    answers = [
        client.get(f"/children/{school}/{pupil}/{view}")
        for school, pupil in (
            (GENERAL, other),
            (GENERAL, "no-such"),
            ("99-999", family.child),
            (FURTHER, family.hobby),
            (GENERAL, "%00"),
        )
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.words for answer in answers}) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_a_family_s_page_is_there_for_families_only(family: FamilyWorld, view: str):
    assert family.client("pupil").get(family.at(view)).status == 200
    assert family.client("teacher").get(family.at(view)).status == 404
    assert Client(family.world.app()).get(family.at(view)).status in (303, 401)


@pytest.mark.parametrize(
    "query", ["diary?week=2026-W60", "diary?week=x", "timetable?week=2026-48", "attendance?month=2026-13"]
)
def test_an_address_with_a_period_that_is_none_is_answered_in_words(family: FamilyWorld, query: str):
    answer = family.client().get(family.at(query))
    assert answer.status == 422
    assert "Что-то в адресе или в форме" in answer.words


@pytest.mark.parametrize(
    "query", ["marks?term=none", "results?year=none", "attendance?term=none", "whatif?subject=none"]
)
def test_a_term_or_subject_that_the_child_has_not_is_not_there(family: FamilyWorld, query: str):
    assert family.client().get(family.at(query)).status == 404


def test_the_diary_goes_a_week_back_and_forth(family: FamilyWorld):
    client = family.client()
    page = client.get(family.at("diary?week=2026-W47"))
    assert "16–20 ноября" in page.words
    assert f"{family.at('diary')}?week=2026-W46" in page.text
    assert f"{family.at('diary')}?week=2026-W48" in page.text


def test_the_diary_shows_the_week_s_homework_and_marks(family: FamilyWorld):
    titles = family.readers.select(
        "SELECT DISTINCT a.title FROM gorod.assignment a JOIN gorod.lesson l ON l.school_id = a.school_id AND l.source_id = a.lesson_id "
        "JOIN gorod.group_membership m ON m.school_id = l.school_id AND m.teaching_group_id = l.teaching_group_id "
        "JOIN gorod.assignment_type t ON t.school_id = a.school_id AND t.source_id = a.type_id "
        "WHERE a.school_id = %s AND m.pupil_id = %s AND t.canonical_kind = 'homework' AND a.due_date BETWEEN '2026-11-16' AND '2026-11-20' "
        "AND a.deleted IS NOT TRUE AND (a.published_at IS NULL OR a.published_at <= '2026-11-23 12:15')",
        GENERAL,
        family.child,
    )
    words = family.client().get(family.at("diary?week=2026-W47")).words
    assert titles
    assert [title for (title,) in titles if title not in words] == []


def test_a_mean_is_shown_with_its_own_arithmetic(family: FamilyWorld):
    terms = family.readers.select(
        "SELECT DISTINCT t.source_id FROM gorod.term t JOIN gorod.class c ON c.school_id = t.school_id AND c.parallel = t.parallel "
        "JOIN gorod.enrollment e ON e.school_id = c.school_id AND e.class_id = c.source_id AND e.pupil_id = %s "
        "WHERE t.school_id = %s AND t.start_date = '2026-09-01' AND t.term_type <> 'year' AND e.to_date IS NULL",
        family.child,
        GENERAL,
    )
    client = family.client()
    text = " ".join(client.get(family.at(f"marks?term={term}")).text for (term,) in terms)
    found = re.findall(r"\(([\d+·,]+)\)/([\d,]+) = ([\d,]+)", text)
    assert found
    for parts, below, shown in found:
        products = [part.replace(",", ".").split("·") for part in parts.split("+")]
        total = sum(float(one[0]) * (float(one[1]) if len(one) == 2 else 1) for one in products)
        assert abs(total / float(below.replace(",", ".")) - float(shown.replace(",", "."))) <= 0.005001


def test_further_education_has_no_marks_and_its_own_words(family: FamilyWorld):
    client = family.client()
    for view in ("marks", "results", "debts"):
        page = client.get(family.at(view, FURTHER))
        assert "в этой организации учат без них" in page.words, view
        assert "<table" not in page.text
    for view in ("diary", "timetable", "attendance"):
        main = client.get(family.at(view, FURTHER)).words
        assert "урок" not in main.casefold().split("как это считается")[0].split("данные на")[0], view


def test_the_calculator_tells_what_is_needed_and_keeps_what_was_typed(family: FamilyWorld):
    client = family.client()
    link = re.search(r'href="([^"]+/whatif\?[^"]+)"', client.get(family.at("marks")).text)
    assert link
    address = link[1].replace("&amp;", "&")
    page = client.get(f"{address}&goal=5&weight=2&more=5+4")
    assert page.status == 200
    assert 'value="5 4"' in page.text
    wrong = client.get(f"{address}&goal=7&weight=-1&more=xyz")
    assert wrong.status == 200
    assert "Нужно число больше 0" in wrong.words
    assert "Понимаются только отметки от 1 до 5" in wrong.words


def test_a_section_asks_whose_page_and_knows_the_only_child(family: FamilyWorld):
    asked = family.client().get("/diary")
    assert asked.status == 200
    assert family.at("diary") in asked.text
    assert family.at("diary", FURTHER) in asked.text
    known = family.client("mother").get("/diary")
    assert (known.status, known.headers["location"]) == (303, family.at("diary"))
    assert family.client("teacher").get("/diary").status == 404


def test_a_feed_is_made_read_and_revoked(family: FamilyWorld):
    client = family.client("mother")
    token = token_of(client.get(family.at("timetable")).text)
    made = client.post(family.at("feed"), {"csrf": token})
    found = re.search(r"/feeds/[\w-]+\.ics", made.text)
    assert made.status == 201
    assert found
    anybody = Client(family.world.app())
    calendar = anybody.get(found[0])
    assert calendar.status == 200
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert calendar.text.startswith("BEGIN:VCALENDAR")
    assert found[0] not in client.get(family.at("timetable")).text
    number = re.search(r'name="number" value="(\d+)"', made.text)
    assert number
    client.post(family.at("feed/revoke"), {"csrf": token, "number": number[1]})
    assert anybody.get(found[0]).status == 404


def test_a_feed_shows_nothing_once_its_maker_may_not_see_the_child(family: FamilyWorld):
    client = family.client("mother")
    token = token_of(client.get(family.at("timetable")).text)
    made = client.post(family.at("feed"), {"csrf": token})
    found = re.search(r"/feeds/[\w-]+\.ics", made.text)
    assert found
    account = family.world.accounts.people["mother"].account.id
    with family.readers.store.owner() as owner:
        owner.execute("DELETE FROM gorod.account_scope WHERE account_id = %s", (account,))
    assert Client(family.world.app()).get(found[0]).status == 404


def test_no_more_than_five_feeds_of_a_child_live(family: FamilyWorld):
    client = family.client("mother")
    token = token_of(client.get(family.at("timetable")).text)
    answers = [client.post(family.at("feed"), {"csrf": token}) for _ in range(6)]
    assert [answer.status for answer in answers] == [201] * 5 + [200]
    assert "Адресов уже пять" in answers[5].words


@pytest.mark.parametrize("form", ["feed", "feed/revoke"])
def test_a_form_needs_its_page_s_token(family: FamilyWorld, form: str):
    client = family.client("mother")
    client.get(family.at("timetable"))
    assert client.post(family.at(form), {"csrf": "x", "number": "1"}).status == 403
    assert client.post(family.at(form), {"number": "1"}, sec_fetch_site="cross-site").status == 403


def test_an_unknown_feed_and_one_of_another_account_end_nothing(family: FamilyWorld):
    mother, pupil = family.client("mother"), family.client("pupil")
    made = mother.post(family.at("feed"), {"csrf": token_of(mother.get(family.at("timetable")).text)})
    number, address = re.search(r'name="number" value="(\d+)"', made.text), re.search(r"/feeds/\S+\.ics", made.text)
    assert number
    assert address
    pupil.post(
        family.at("feed/revoke"), {"csrf": token_of(pupil.get(family.at("timetable")).text), "number": number[1]}
    )
    assert Client(family.world.app()).get(address[0]).status == 200
    assert Client(family.world.app()).get("/feeds/nothing.ics").status == 404


def test_an_announcement_that_was_read_is_no_longer_new(family: FamilyWorld):
    client = family.client()
    page = client.get("/announcements")
    unread = page.text.count('name="announcement"')
    assert unread > 0
    school, key = re.findall(r'name="(?:school|announcement)" value="([^"]+)"', page.text)[:2]
    fields = {"csrf": token_of(page.text), "school": school, "announcement": key}
    assert client.post("/announcements/read", fields).status == 303
    assert client.get("/announcements").text.count('name="announcement"') == unread - 1
    assert client.post("/announcements/read", {"csrf": fields["csrf"]}).status == 303
    assert "Всё прочитано." in client.get("/announcements").words
    assert "Непрочитанные объявления" not in client.get("/").words


def test_an_announcement_that_is_not_the_reader_s_cannot_be_read(family: FamilyWorld):
    client = family.client("mother")
    token = token_of(client.get("/announcements").text)
    fields = {"csrf": token, "school": FURTHER, "announcement": "1"}
    assert client.post("/announcements/read", fields).status == 404
    assert client.post("/announcements/read", {"csrf": "x"}).status == 403


def test_the_export_holds_every_mark_of_the_child_and_nobody_else_s(family: FamilyWorld):
    answer = family.client("mother").get(family.at("data.json"))
    held = json.loads(answer.body)
    count = family.value(
        "SELECT count(*) FROM gorod.mark k JOIN gorod.assignment a ON a.school_id = k.school_id AND a.source_id = k.assignment_id "
        "WHERE k.school_id = %s AND k.pupil_id = %s AND a.deleted IS NOT TRUE AND (a.published_at IS NULL OR a.published_at <= '2026-11-23 12:15')",
        GENERAL,
        family.child,
    )
    assert len(held["entities"]["mark"]) == count > 0
    assert {row["pupil_id"] for row in held["entities"]["mark"]} == {family.child}
    assert [row["id"] for row in held["entities"]["pupil"]] == [family.child]
    assert "attachment" in answer.headers["content-disposition"]


def test_who_looked_at_a_child_is_told_by_role_day_and_purpose_and_never_by_name(family: FamilyWorld):
    person = family.value(
        "SELECT person_id FROM gorod.pupil WHERE school_id = %s AND source_id = %s", GENERAL, family.child
    )
    teacher = family.world.accounts.people["teacher"].account.id
    with family.readers.store.owner() as owner:
        for subject, actor in ((f"person:{GENERAL}/{person}", teacher), (f"person:{GENERAL}/other", teacher)):
            owner.execute(
                "INSERT INTO gorod.audit (at, kind, actor, subject, school, details) "
                "VALUES ('2026-11-22 08:00Z', 'card_viewed', %s, %s, %s, '{}')",
                (actor, subject, GENERAL),
            )
    words = family.client("mother").get(family.at("data")).words
    assert words.count("открыл(а) карточку ученика") == 1
    assert "22 ноября, 11:00 учитель открыл(а) карточку ученика" in words


def test_a_family_s_page_is_light(family: FamilyWorld):
    client = family.client()
    for view in VIEWS[:-1]:
        assert len(client.get(family.at(view), accept_encoding="gzip").body) <= 60_000, view
