"""The table of rights: what it may never say, and that the documentation says the same."""

from __future__ import annotations

from collector.store import rights
from collector.store.account_tables import CITY_ROLES, PERSON_ROLES, ROLES
from collector.store.rights import RIGHTS, SECTIONS, Extent, extent
from tests.house.tree import ROOT

OF_PEOPLE = ("people", "names", "contacts", "movement", "journal", "results", "attendance", "changes")


def test_every_role_has_its_row_and_no_other_has():
    assert set(RIGHTS) == set(ROLES)
    assert {len(row) for row in RIGHTS.values()} == {len(SECTIONS)}


def test_roles_of_the_city_see_the_city_or_nothing_and_no_other_role_does():
    for role, row in RIGHTS.items():
        assert (set(row.values()) <= {Extent.CITY, Extent.NOTHING}) == (role in CITY_ROLES), role
        assert (Extent.CITY in row.values()) == (role in CITY_ROLES), role


def test_nobody_sees_names_of_the_whole_city():
    assert all(row["names"] is not Extent.CITY and row["contacts"] is not Extent.CITY for row in RIGHTS.values())


def test_those_who_keep_the_machine_running_see_nothing_of_people():
    for role in ("sysadmin", "operator", "security", "admin"):
        assert {RIGHTS[role][section] for section in OF_PEOPLE} == {Extent.NOTHING}, role


def test_a_family_sees_its_own_and_what_the_school_tells_everybody():
    for role in PERSON_ROLES:
        wide = {section for section, far in RIGHTS[role].items() if far is Extent.SCHOOL}
        assert wide == {"structure", "announcements"}


def test_whoever_is_unknown_sees_nothing():
    assert {extent(role, section) for role in (None, "", "root") for section in SECTIONS} == {Extent.NOTHING}
    assert extent("head", "results") is Extent.SCHOOL


def test_the_documentation_holds_the_table():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    assert rights.as_text() in text
