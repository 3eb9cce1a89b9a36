"""The whole portal over a school with people in it: real accounts, a real database, browsers without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from collector.store import accounts
from collector.store.accounts import NewAccount
from portal import store as portal_store
from portal.app import create_app
from portal.people import StorePeople
from tests.fix_people import PASSWORD, SCHOOL, People
from tests.portal_world import Answer, Client, make_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fastapi import FastAPI

    from portal.config import Config

STAFF_PASSWORD = "синий трактор едет к морю"


@dataclass
class Town:
    """A portal over the school of :mod:`tests.fix_people`."""

    people: People
    config: Config
    passed: timedelta = field(default_factory=timedelta)
    made: FastAPI | None = None

    @property
    def now(self) -> datetime:
        """The portal's clock."""
        return self.people.now + self.passed

    def app(self, issuer: str = "", **options: Any) -> FastAPI:
        """The application, one for the test."""
        if self.made is None:
            reader, rules = self.people.reader, self.people.rules
            self.made = create_app(
                self.config,
                portal_store.StoreReader(reader, self.config),
                portal_store.StoreAccounts(reader, rules),
                portal_store.StoreSchoolData(reader, self.people.ring),
                people=StorePeople(reader, rules, self.people.ring, issuer),
                clock=lambda: self.now,
                **options,
            )
        return self.made

    def browser(self, peer: str = "192.0.2.7", **headers: str) -> Browser:
        """Somebody's browser."""
        return Browser(self, Client(self.app(), peer=peer), headers)

    def staff(self, role: str = "secretary", *schools: str, login: str = "") -> accounts.Account:
        """An account of somebody at the school, made at the command line; its second factor is not set up."""
        new = NewAccount(login or role, role, STAFF_PASSWORD, schools or (SCHOOL,))
        with self.people.owner.begin() as connection:
            return accounts.add(connection, new, self.now, self.people.rules.factor_key)

    def desk(self, role: str = "secretary", *schools: str) -> Browser:
        """The browser of that somebody, signed in wholly."""
        self.staff(role, *schools)
        browser = self.browser()
        browser.client.sign_in(role, STAFF_PASSWORD, "")
        browser.enrol()
        return browser

    def family(self, login: str = "olga", person: str = "201", role: str = "parent", **fields: str) -> Browser:
        """The browser of somebody who has just used a code."""
        browser = self.browser()
        answer = browser.activate(self.people.issue(person, role).code, login, **fields)
        assert answer.status == 303, answer.words
        return browser


@dataclass
class Browser:
    """Opens pages and fills in their forms."""

    town: Town
    client: Client
    headers: Mapping[str, str]
    secret: bytes = b""

    def get(self, address: str) -> Answer:
        """Open a page."""
        return self.client.get(address, **self.headers)

    def send(self, address: str, form_of: str = "", **fields: str) -> Answer:
        """Send a form with the token of the page that holds it."""
        token = csrf_of(self.client.get(form_of or address).text)
        return self.client.post(address, {"csrf": token, **fields}, **self.headers)

    def activate(self, code: str, login: str, password: str = PASSWORD, **fields: str) -> Answer:
        """Use a code up."""
        given = {"code": code, "login": login, "password": password, "again": password, **fields}
        return self.client.post("/activate/account", given, **self.headers)

    def enrol(self) -> Answer:
        """Set up the second step with the secret that the page shows."""
        page = self.get("/login/factor").text
        found = re.search(r'id="secret">([^<]+)<', page)
        assert found, page
        self.secret = accounts.secret_from_text(found[1])
        code = code_of(self.secret, self.town.now)
        return self.client.post("/login/factor", {"csrf": csrf_of(page), "code": code})


def csrf_of(html: str) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, html
    return found[1]


def code_of(secret: bytes, at: datetime) -> str:
    """What an application on a telephone shows: RFC 6238, written down once more."""
    import hashlib
    import hmac
    import struct

    digest = hmac.new(secret, struct.pack(">Q", int(at.timestamp()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


@pytest.fixture
def town(people: People) -> Town:
    """The portal of the school."""
    return Town(people, make_config(keys=people.ring.folder))
