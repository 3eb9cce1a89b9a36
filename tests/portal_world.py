"""A portal without a database: schools in a list, accounts in a dictionary, a clock that stands still, a client without a network."""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from collector.store.accounts import Account
from collector.store.health import SchoolHealth
from collector.store.names import Names
from collector.store.reader import Reader
from collector.store.sessions import Session
from collector.store.signin import Attempt, Outcome, SignedIn
from portal.app import create_app
from portal.config import Address, Config
from portal.ports import Card

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

    from portal.ports import SchoolData
    from proto.problems import Problem

NOW = datetime(2026, 11, 23, 9, 2, 11, tzinfo=UTC)  # 12:02:11 in Moscow
PASSWORD = "correct horse battery"
CODE = "123456"


def make_config(**changes: Any) -> Config:
    """Settings of a portal for tests."""
    config = Config(
        database_url="postgresql://nobody@127.0.0.1/none",
        listen=Address("127.0.0.1", 0),
        metrics_listen=Address("127.0.0.1", 0),
        trusted_proxies=(),
        tls=None,
        master_key_file=None,
        keys=None,
        names={"ru": "Управление образования", "en": "Department of education"},
        timezone=ZoneInfo("Europe/Moscow"),
    )
    return replace(config, **changes)


def make_school(number: int = 1, **changes: Any) -> SchoolHealth:
    """A school that is well."""
    school = SchoolHealth(
        school=f"23-{number:03}",
        name=f"Школа № {number}",
        kind="school",
        zone="Europe/Moscow",
        level="ok",
        state="ok",
        connected=True,
        last_seen=NOW - timedelta(seconds=20),
        agent_version="0.1.0",
        epoch="00" * 16,
        acked_seq=812,
        rows=430_000 + number,
        source_rows=430_000 + number,
        sweep_permille=None,
        outbox_rows=0,
        outbox_bytes=0,
        last_change_seen=NOW - timedelta(seconds=40),
        fresh_at=NOW - timedelta(seconds=2),
        complete_at=NOW - timedelta(hours=3),
        stored_at=NOW - timedelta(days=2),
        delay_ms=420,
        differences=0,
        quarantined=0,
        held=(),
        paused=(),
        offered_identity=None,
        certificate_days=83,
        clock_offset_s=0.1,
        problem=None,
    )
    return replace(school, **changes)


class FakeReader:
    """Schools in a list; the scope is honoured as row-level security does."""

    def __init__(self, *schools: SchoolHealth) -> None:
        self.all = {school.school: school for school in schools}
        self.cards: dict[str, Card] = {}
        self.down: Problem | None = None
        self.asked: list[str] = []

    def put(self, school: SchoolHealth) -> None:
        """A school has changed."""
        self.all = {**self.all, school.school: school}

    def schools(self, scope: str, now: datetime) -> tuple[SchoolHealth, ...]:
        """The schools that the scope shows."""
        del now
        self.ready()
        self.asked.append(scope)
        return tuple(school for school in self.all.values() if scope == "*" or school.school in scope.split(","))

    def card(self, scope: str, school: str, now: datetime) -> Card | None:
        """The card of a school, if the scope shows it."""
        found = {each.school: each for each in self.schools(scope, now)}.get(school)
        if found is None:
            return None
        return replace(self.cards.get(school, Card(found)), school=found)

    def ready(self) -> None:
        """Fail if the database is said to be away."""
        if self.down is not None:
            raise self.down


@dataclass
class Person:
    """An account of the fake, with what it knows."""

    account: Account
    password: str = PASSWORD
    secret: bytes | None = None


@dataclass
class FakeAccounts:
    """Accounts and sessions in dictionaries; CODE is everybody's right code."""

    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    touched: list[bool] = field(default_factory=list)
    wait_s: int = 0

    def add(self, login: str, role: str, *schools: str, enrolled: bool = True) -> Person:
        """Make an account."""
        account = Account(len(self.people) + 1, login, role, schools, enrolled, NOW, None, None)
        self.people[login] = Person(account, secret=bytes(20) if enrolled else None)
        return self.people[login]

    def sign_in(self, attempt: Attempt, now: datetime) -> SignedIn:
        """Password and code must be those of the person."""
        self.attempts.append(attempt)
        person = self.people.get(attempt.login)
        if self.wait_s:
            return SignedIn(Outcome.BLOCKED, wait_s=self.wait_s)
        if person is None or attempt.password != person.password:
            return SignedIn(Outcome.REFUSED)
        if person.secret is None:
            return SignedIn(Outcome.ENROL, self._begin(person, "enrol", now))
        if attempt.code != CODE:
            return SignedIn(Outcome.REFUSED)
        return SignedIn(Outcome.OPEN, self._begin(person, "open", now))

    def session(self, token: str, now: datetime, *, touch: bool) -> Session | None:
        """The session of a token, until it expires."""
        self.touched.append(touch)
        found = self.sessions.get(token)
        return found if found is not None and now < found.expires_at else None

    def factor_secret(self, session: Session) -> bytes | None:
        """The secret that is set up."""
        return session.factor_secret

    def enrol(self, token: str, code: str, now: datetime) -> str | None:
        """The right code opens the session."""
        held = self.sessions[token]
        if code != CODE:
            return None
        del self.sessions[token]
        person = self.people[held.account.login]
        person.secret = held.factor_secret
        return self._begin(person, "open", now)

    def sign_out(self, token: str) -> None:
        """Forget the session."""
        self.sessions.pop(token, None)

    def _begin(self, person: Person, stage: str, now: datetime) -> str:
        token = secrets.token_urlsafe(8)
        secret = bytes(range(20)) if stage == "enrol" else None
        self.sessions[token] = Session(
            person.account, stage, secrets.token_bytes(32), secret, now + timedelta(hours=12)
        )
        return token


class NoRows(Reader):
    """A transaction in which there is nothing to see."""

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """None."""
        del statement, parameters
        return []


class FakeSchoolData:
    """No school data for anybody; ``down`` is the problem of a database that is away."""

    def __init__(self) -> None:
        self.names = Names(None)
        self.down: Problem | None = None
        self.asked: list[int] = []

    @contextmanager
    def reader(self, account: int, now: datetime) -> Iterator[Reader]:
        """Nothing of anything, for whoever asks."""
        if self.down is not None:
            raise self.down
        self.asked.append(account)
        yield NoRows(cast("Any", None), account, None, now)

    def noting(self) -> Any:
        """Nobody notes anything here."""
        raise AssertionError


@dataclass
class World:
    """One portal and its fakes."""

    reader: FakeReader
    accounts: FakeAccounts
    config: Config = field(default_factory=make_config)
    data: SchoolData = field(default_factory=FakeSchoolData)
    now: datetime = NOW

    def app(self, **options: Any) -> FastAPI:
        """The application."""
        return create_app(self.config, self.reader, self.accounts, self.data, clock=lambda: self.now, **options)


def make_world(*schools: SchoolHealth, **settings: Any) -> World:
    """A portal with these schools and one account per role: its login is the role, its school the first."""
    accounts = FakeAccounts()
    first = (schools[0].school,) if schools else ()
    for role in ("operator", "analyst", "security", "admin"):
        accounts.add(role, role)
    for role in ("pupil", "parent", "teacher", "class_teacher", "deputy", "secretary", "head", "sysadmin"):
        accounts.add(role, role, *first)
    return World(FakeReader(*schools), accounts, make_config(**settings))


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    cookies: list[str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def words(self) -> str:
        """What is read on the page: no tags, blanks joined."""
        visible = re.sub(r"<(head|script|noscript)\b.*?</\1>", " ", self.text, flags=re.DOTALL)
        return " ".join(re.sub(r"<[^>]+>", " ", visible).replace("\xa0", " ").split())


class Client:
    """A browser without a network: keeps cookies, calls the application directly."""

    def __init__(self, app: Any, scheme: str = "http", peer: str = "192.0.2.7") -> None:
        self.app, self.scheme, self.peer = app, scheme, peer
        self.cookies: dict[str, str] = {}

    def get(self, url: str, **headers: str) -> Answer:
        """Open an address."""
        return self.request("GET", url, b"", headers)

    def post(self, url: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form."""
        return self.request(
            "POST", url, urlencode(fields).encode(), {"content-type": "application/x-www-form-urlencoded", **headers}
        )

    def sign_in(self, login: str, password: str = PASSWORD, code: str = CODE) -> Answer:
        """Send the form of the sign-in."""
        return self.post("/login", {"login": login, "password": password, "code": code})

    def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Any request; underscores in names of headers are hyphens."""
        parts = urlsplit(url)
        given = {"host": "portal.test", "accept": "text/html", "content-length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items() if value != "-"],
            "client": (self.peer, 1234),
            "server": ("portal.test", 80),
        }
        return self._keep(asyncio.run(_call(self.app, scope, body)))

    def _keep(self, answer: Answer) -> Answer:
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer


async def _call(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
    cookies = [value for name, value in headers if name == "set-cookie"]
    return Answer(start["status"], dict(headers), cookies, b"".join(message.get("body", b"") for message in sent))
