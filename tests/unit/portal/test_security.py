"""Rights, scopes and what guards forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.accounts import CITY_ROLES, ROLES
from collector.store.engine import scope_statement
from portal import names
from portal.security import RIGHTS, Right, local_path, masked, may, same_origin, scope_of, token_fits

tokens = st.binary(min_size=32, max_size=32)


def test_every_role_of_accounts_has_its_grant_and_its_word():
    assert set(RIGHTS) == set(ROLES) == set(names.ROLES)


def test_only_roles_of_the_city_see_all_schools():
    assert {role for role in ROLES if scope_of(role, ["23-001"]) == "*"} == set(CITY_ROLES)
    assert {role for role in ROLES if may(role, Right.SCHOOLS)} == set(CITY_ROLES)


def test_the_office_of_a_school_sees_its_own_synchronisation_and_teachers_and_families_do_not():
    own = {role for role in ROLES if may(role, Right.OWN_SCHOOL)} - set(CITY_ROLES)
    assert own == {"head", "deputy", "secretary", "sysadmin"}


def test_an_unknown_role_may_nothing_and_sees_nothing():
    assert not may("root", Right.SCHOOLS)
    assert scope_of("root", ["23-001"]) == ""


def test_the_scope_of_a_role_of_schools_names_them():
    assert scope_of("head", ["23-002", "23-001"]) == "23-001,23-002"
    assert scope_of("head", []) == ""


@given(st.sampled_from(ROLES), st.lists(st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._-]{0,20}", fullmatch=True), max_size=4))
def test_every_scope_is_one_that_the_database_understands(role: str, schools: list[str]):
    assert scope_statement(scope_of(role, schools))


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://portal.test", "host": "portal.test"}, True),
        ({"origin": "https://portal.test:8443", "host": "portal.test:8443"}, True),
        ({"origin": "https://evil.test", "host": "portal.test"}, False),
        ({"origin": "null", "host": "portal.test"}, False),
    ],
)
def test_a_form_of_another_site_is_recognised(headers: dict[str, str], *, fits: bool):
    assert same_origin(headers) is fits


@given(tokens, tokens)
def test_a_form_token_fits_under_any_mask(token: bytes, mask: bytes):
    assert token_fits(token, masked(token, mask))


@given(tokens, tokens, tokens)
def test_the_token_of_another_session_does_not_fit(token: bytes, other: bytes, mask: bytes):
    assert token_fits(token, masked(other, mask)) is (token == other)


@given(tokens, st.text(max_size=100))
def test_what_is_no_token_is_refused(token: bytes, sent: str):
    assert not token_fits(token, sent)


def test_a_token_looks_different_on_every_page():
    assert masked(b"t" * 32, b"a" * 32) != masked(b"t" * 32, b"b" * 32)


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/", True),
        ("/schools/23-001?lang=en", True),
        ("//evil.test/", False),
        ("/\\evil.test", False),
        ("https://evil.test/", False),
        ("schools", False),
        ("/a\nb", False),
        ("", False),
    ],
)
def test_after_signing_in_one_is_sent_to_our_own_pages_only(target: str, *, kept: bool):
    assert local_path(target) == (target if kept else "/")
