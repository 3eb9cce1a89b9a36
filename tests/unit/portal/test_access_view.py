from datetime import UTC, date, datetime
from typing import Any

import pytest

from collector.store.access import Responsible, Worker
from collector.store.names import Name
from portal.views import access

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAME = Name("Иванова", "Анна")
FORM = {
    "person": "p1",
    "deputy": "p2",
    "phone": "+7 000 123-45-67, доб. 5",
    "order_number": "12-од",
    "order_date": "2026-08-31",
    "from_date": "2026-09-01",
    "to_date": "2027-05-31",
}


def worker(account: int | None, role: str = "teacher", **words: Any) -> Worker:
    return Worker(
        "p1", NAME, ("Учитель",), account, "login", role, words.get("at"), None, words.get("elsewhere", False)
    )


def named(duty: str = "quality", last: date | None = None, ended: datetime | None = None) -> Responsible:
    day = date(2026, 9, 1)
    return Responsible("u", duty, "p1", NAME, None, None, None, "1", day, day, last, NOW, ended)


def test_workers_are_counted_by_role_without_account_and_never_seen():
    found = access.overview([worker(1, at=NOW), worker(2, "deputy"), worker(None, "")], "")
    assert (found.total, found.with_account, found.never) == (3, 2, 1)
    assert (found.counts["teacher"], found.counts["none"], found.counts["never"]) == (1, 1, 1)


@pytest.mark.parametrize(("kind", "accounts"), [("", [1, 2, None]), ("deputy", [2]), ("none", [None]), ("never", [2])])
def test_filters_show_their_kind(kind: str, accounts: list[int | None]):
    workers = [worker(1, at=NOW), worker(2, "deputy"), worker(None, "")]
    assert [one.account for one in access.overview(workers, kind).rows] == accounts


@pytest.mark.parametrize(
    ("one", "may"),
    [
        (worker(2), True),
        (worker(1), False),
        (worker(None, ""), False),
        (worker(3, "head"), False),
        (worker(4, elsewhere=True), False),
    ],
    ids=["worker", "oneself", "no account", "another head", "works elsewhere too"],
)
def test_a_head_changes_roles_of_own_workers_only(one: Worker, may: bool):  # noqa: FBT001  a case
    assert access.may_change(one, 1) is may


def test_a_whole_form_is_a_naming():
    naming, wrong = access.read_naming("quality", FORM, ["p1", "p2"])
    assert wrong == {}
    assert naming is not None
    assert (naming.person, naming.deputy, naming.order_number) == ("p1", "p2", "12-од")
    assert (naming.first, naming.last) == (date(2026, 9, 1), date(2027, 5, 31))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("person", ""),
        ("person", "stranger"),
        ("deputy", "stranger"),
        ("deputy", "p1"),
        ("phone", "звоните вечером"),
        ("phone", "+7" * 30),
        ("order_number", " "),
        ("order_number", "9" * 41),
        ("order_date", ""),
        ("from_date", "01.09.2026"),
        ("to_date", "2026-08-01"),
        ("to_date", "2026-02-30"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(field: str, value: str):
    naming, wrong = access.read_naming("quality", FORM | {field: value}, ["p1", "p2"])
    assert naming is None
    assert list(wrong) == [field]


@pytest.mark.parametrize("field", ["deputy", "phone", "to_date"])
def test_what_may_be_left_out_may_be_left_out(field: str):
    naming, wrong = access.read_naming("quality", FORM | {field: ""}, ["p1", "p2"])
    assert (naming is not None, wrong) == (True, {})


def test_every_duty_has_a_row_and_an_order_can_run_out():
    rows = {
        row.duty: row for row in access.duties([named(last=date(2026, 11, 22)), named(ended=NOW)], date(2026, 11, 23))
    }
    assert len(rows) == 5
    assert (rows["quality"].over, len(rows["quality"].before)) == (True, 1)
    assert rows["network"].now is None


def test_the_last_day_of_an_order_still_counts():
    assert not access.duties([named(last=date(2026, 11, 23))], date(2026, 11, 23))[1].over


def test_the_table_of_rights_says_what_the_store_decides():
    rows = dict(access.table())
    assert [extent.value for extent in rows["Marks and results"]] == ["group", "class", "-", "school", "school", "-"]
