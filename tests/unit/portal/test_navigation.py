"""Sections by role: few words, one of them current, none that leads nowhere."""

import pytest

from collector.store.account_tables import ROLES
from portal import addresses, navigation

EVERYTHING = {section.address for sections in navigation.SECTIONS.values() for section in sections}


def current(role: str, address: str) -> list[str]:
    return [link.label for link in navigation.links(role, ("23-001",), address, EVERYTHING) if link.current]


def test_every_role_has_sections_and_at_most_seven():
    assert set(navigation.SECTIONS) == set(ROLES)
    assert all(0 < len(sections) <= 7 for sections in navigation.SECTIONS.values())


def test_an_unknown_role_has_none():
    assert navigation.links("guest", (), "/", EVERYTHING) == ()


def test_a_section_of_the_own_school_leads_to_it_and_is_left_out_without_one():
    assert [link.address for link in navigation.links("secretary", ("7", "8"), "/", EVERYTHING)][3:] == [
        "/schools/7/codes",
        "/schools/7",
    ]
    assert len(navigation.links("secretary", (), "/", EVERYTHING)) == 3


def test_a_section_without_a_page_is_left_out():
    assert [link.label for link in navigation.links("parent", (), "/", {"/", "/diary"})] == ["Today", "Diary"]


@pytest.mark.parametrize(
    ("role", "address", "label"),
    [
        ("parent", "/", "Today"),
        ("parent", "/diary", "Diary"),
        ("parent", "/children/23-001/77/diary", "Diary"),
        ("parent", "/children/23-001/77/results", "Marks"),
        ("head", "/schools/23-001", "Synchronisation"),
        ("head", "/schools/23-001/codes/staff", "Access codes"),
        ("class_teacher", "/classes/23-001/5", "My class"),
        ("admin", "/accounts/12", "Accounts"),
        ("operator", "/schools/23-001", "Schools"),
    ],
)
def test_the_section_of_a_page_is_current(role: str, address: str, label: str):
    assert current(role, address) == [label]


@pytest.mark.parametrize("address", ["/account", "/mydata", "/children/23-001/77/export", "/diaryx"])
def test_a_page_of_no_section_has_none_current(address: str):
    assert current("parent", address) == []


def test_on_a_page_of_a_child_sections_lead_to_the_same_child():
    found = {
        link.label: link.address for link in navigation.links("parent", (), "/children/23-001/7,1/marks", EVERYTHING)
    }
    assert found["Diary"] == "/children/23-001/7,1/diary"
    assert found["Announcements"] == "/announcements"
    assert found["Today"] == "/"


@pytest.mark.parametrize("key", ["77", "7/1", "a~1b/2", "ключ", "0~23"])
def test_a_key_comes_back_from_its_address(key: str):
    from urllib.parse import unquote

    address = addresses.child("23-001", key, "diary")
    assert address.count("/") == 4
    assert addresses.key_of(unquote(address.split("/")[3])) == key


@pytest.mark.parametrize("address", ["/", "/children", "/children/23-001/77", "/children//77/diary", "/schools/1/2/3"])
def test_an_address_about_nobody_is_recognised(address: str):
    assert addresses.child_of(address) is None
