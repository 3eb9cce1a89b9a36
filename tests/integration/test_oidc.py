"""Signing in with an OpenID provider that is a real process, over real accounts."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.config import ProviderSettings
from portal.provider import Provider
from tests.fix_people import PASSWORD
from tests.fix_town import STAFF_PASSWORD, code_of
from tests.oidc_provider import CLIENT, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_town import Browser, Town
    from tests.portal_world import Answer

pytestmark = pytest.mark.integration
# Asks no proxy, and stays where a redirect is answered.
OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}),
    type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}),
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The address of a provider that runs."""
    command = [sys.executable, "-m", "tests.oidc_provider"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("", timeout=20)


@pytest.fixture
def tied_town(town: Town, issuer: str) -> Town:
    """A portal that knows the provider."""
    from dataclasses import replace

    settings = ProviderSettings(issuer, CLIENT, SECRET, name="Госуслуги")
    town.config = replace(town.config, provider=settings)
    town.app(provider=Provider(settings, town.people.ring.master_key()), issuer=issuer)
    be(issuer)
    return town


def be(issuer: str, person: str = "person-1", fault: str = "") -> None:
    body = json.dumps({"person": person, "fault": fault}).encode()
    with OPENER.open(f"{issuer}/be", body) as answer:
        answer.read()


def visit_provider(address: str) -> str:
    """What the browser does there: the address that the provider sends it back to."""
    with pytest.raises(urllib.error.HTTPError) as redirect:
        OPENER.open(address)
    redirect.value.close()
    assert redirect.value.code == 302
    return redirect.value.headers["location"]


def through(browser: Browser, query: str = "") -> Answer:
    """Out to the provider and back."""
    leaving = browser.get(f"/login/provider{query}")
    back = urlsplit(visit_provider(leaving.headers["location"]))
    return browser.get(f"{back.path}?{back.query}")


def tie(town: Town, login: str = "olga", password: str = PASSWORD) -> Browser:
    """Somebody comes from the provider, signs in once and has both tied."""
    browser = town.browser()
    assert through(browser).headers["location"] == "/login?said=provider"
    browser.client.post("/login", {"login": login, "password": password, "tie": "1"})
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status == 200


def test_the_way_out_asks_for_a_code_with_state_nonce_and_a_challenge(tied_town: Town, issuer: str):
    address = urlsplit(tied_town.browser().get("/login/provider").headers["location"])
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{issuer}/authorize"
    assert asked["redirect_uri"] == "http://portal.test/login/provider/back"
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == ("code", "S256", "openid")
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 32
    assert "code_verifier" not in asked


def test_an_unknown_person_ties_both_by_signing_in_once(tied_town: Town):
    tied_town.family("olga")
    page = tied_town.browser().get("/login?said=provider").words
    assert "Госуслуги" in page
    assert is_in(tie(tied_town))
    again = tied_town.browser()
    assert through(again).headers["location"] == "/"
    assert is_in(again)
    assert "вход привязан" in again.get("/account").words


def test_an_unknown_person_ties_both_by_a_code_of_the_school(tied_town: Town):
    browser = tied_town.browser()
    through(browser)
    browser.activate(tied_town.people.issue().code, "olga", tie="1")
    again = tied_town.browser()
    through(again)
    assert is_in(again)


def test_nothing_is_tied_unless_its_owner_asks(tied_town: Town):
    tied_town.family("olga")
    browser = tied_town.browser()
    through(browser)
    browser.client.post("/login", {"login": "olga", "password": PASSWORD})
    assert through(tied_town.browser()).headers["location"] == "/login?said=provider"


def test_the_provider_alone_opens_nothing(tied_town: Town):
    tied_town.family("olga")
    browser = tied_town.browser()
    through(browser)
    assert not is_in(browser)


def test_from_the_own_account_the_provider_is_tied_and_untied(tied_town: Town):
    here = tied_town.family("olga")
    assert through(here, "?link=1").headers["location"] == "/account?said=tied"
    other = tied_town.browser()
    through(other)
    assert is_in(other)
    assert here.send("/account/provider", "/account").headers["location"] == "/account?said=untied"
    last = tied_town.browser()
    through(last)
    assert not is_in(last)


def test_one_person_of_the_provider_opens_one_account(tied_town: Town):
    tie_owner = tied_town.family("olga")
    through(tie_owner, "?link=1")
    answer = through(tied_town.family("anna", "202"), "?link=1")
    assert answer.headers["location"] == "/account?said=tied-elsewhere"
    browser = tied_town.browser()
    through(browser)
    assert "olga" in browser.get("/account").words


def test_staff_still_show_the_code_of_their_second_step(tied_town: Town):
    desk = tied_town.desk("secretary")
    through(desk, "?link=1")
    tied_town.passed = timedelta(minutes=2)
    browser = tied_town.browser()
    assert through(browser).headers["location"] == "/login/provider/code"
    assert not is_in(browser)
    assert browser.client.post("/login/provider/code", {"code": "000000"}).status == 401
    assert not is_in(browser)
    assert browser.client.post("/login/provider/code", {"code": code_of(desk.secret, tied_town.now)}).status == 303
    assert is_in(browser)


def test_the_code_cannot_be_guessed_for_ever(tied_town: Town):
    desk = tied_town.desk("secretary")
    through(desk, "?link=1")
    browser = tied_town.browser()
    through(browser)
    statuses = [browser.client.post("/login/provider/code", {"code": "000000"}).status for _ in range(5)]
    assert statuses[-1] == 429


def test_a_closed_account_is_not_opened_by_the_provider(tied_town: Town):
    from collector.store import accounts

    through(tied_town.family("olga"), "?link=1")
    with tied_town.people.owner.begin() as connection:
        accounts.disable(connection, "olga", tied_town.now)
    browser = tied_town.browser()
    assert through(browser).headers["location"] == "/login?said=provider"
    assert not is_in(browser)


@pytest.mark.parametrize("fault", ["nonce", "audience", "issuer", "expired", "signature", "deny", "claim"])
def test_what_the_provider_says_wrongly_opens_nothing(tied_town: Town, issuer: str, fault: str):
    through(tied_town.family("olga"), "?link=1")
    be(issuer, fault=fault)
    browser = tied_town.browser()
    assert through(browser).headers["location"] == "/login?said=provider-failed"
    assert not is_in(browser)
    assert "не удалось" in browser.get("/login?said=provider-failed").words


def test_a_way_back_that_nobody_took_out_is_refused(tied_town: Town):
    through(tied_town.family("olga"), "?link=1")
    thief, victim = tied_town.browser(), tied_town.browser()
    back = urlsplit(visit_provider(thief.get("/login/provider").headers["location"]))
    assert victim.get(f"{back.path}?{back.query}").headers["location"] == "/login?said=provider-failed"
    victim.get("/login/provider")
    assert victim.get(f"{back.path}?{back.query}").headers["location"] == "/login?said=provider-failed"
    assert not is_in(victim)


def test_a_way_back_is_good_for_ten_minutes(tied_town: Town):
    browser = tied_town.browser()
    back = urlsplit(visit_provider(browser.get("/login/provider").headers["location"]))
    tied_town.passed = timedelta(minutes=10)
    assert browser.get(f"{back.path}?{back.query}").headers["location"] == "/login?said=provider-failed"


def test_cookies_of_the_way_are_sealed(tied_town: Town):
    browser = tied_town.browser()
    browser.get("/login/provider")
    cookie = browser.client.cookies["gorod_provider"]
    provider = tied_town.app().state.portal.provider
    now_s = tied_town.now.timestamp()
    assert provider.open_way(cookie, now_s) is not None
    assert provider.open_known(cookie, now_s) is None
    for touched in (cookie[:-4] + "AAAA", "", "я", "AAAA"):
        assert provider.open_way(touched, now_s) is None


def test_a_provider_that_is_away_is_said(town: Town):
    from dataclasses import replace

    settings = ProviderSettings("http://127.0.0.1:9", CLIENT, SECRET, name="Госуслуги")
    town.config = replace(town.config, provider=settings)
    town.app(provider=Provider(settings, town.people.ring.master_key()))
    assert town.browser().get("/login/provider").headers["location"] == "/login?said=provider-failed"


def test_without_a_provider_there_is_no_such_page(town: Town):
    assert town.browser().get("/login/provider").status == 404
    assert "provider" not in town.browser().get("/login").text
    desk = town.desk("secretary")
    assert STAFF_PASSWORD not in desk.get("/account").text
