"""Accounts, sessions and signing in, against a real database under the portal's own login, which may not do more than it must."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from collector.store import accounts, schools, sessions, signin
from collector.store.accounts import NewAccount
from collector.store.engine import Database, DatabaseSettings
from collector.store.signin import Attempt, Outcome
from proto.problems import Problem
from tests.fix_postgres import Store

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = accounts.factor_key(b"m" * 32)
SECRET = bytes(range(20))
PASSWORD = "correct horse battery"
RULES = signin.Rules(KEY, signin.BackOff(3, 10, 60), sessions.Life(1800, 43_200), sessions.Life(600, 600))


def code_at(at: datetime = NOW, secret: bytes = SECRET) -> str:
    return TOTP(secret, 6, SHA1(), 30, enforce_key_length=False).generate(at.timestamp()).decode()  # noqa: S303  RFC 6238


@pytest.fixture
def owner(store: Store) -> Iterator[Database]:
    """The database as `gorod-collector user` sees it, with two schools."""
    with Database(store.url, DatabaseSettings(connections=2)) as database:
        with database.begin(scope="*") as connection:
            for number in (1, 2):
                schools.add(connection, schools.NewSchool(f"23-00{number}", f"Школа № {number}"), NOW)
        yield database


def add(
    owner: Database, login: str, role: str = "operator", *school: str, secret: bytes | None = SECRET
) -> accounts.Account:
    """Make an account, its second factor enrolled unless said otherwise."""
    with owner.begin() as connection:
        return accounts.add(connection, NewAccount(login, role, PASSWORD, school, secret), NOW, KEY)


def sign_in(
    reader: Database, login: str, password: str = PASSWORD, code: str = "", at: datetime = NOW
) -> signin.SignedIn:
    """All three steps."""
    attempt = Attempt(login, password, code, "192.0.2.7")
    with reader.begin() as connection:
        candidate = signin.begin(connection, attempt, RULES, at)
    verdict = signin.judge(candidate, attempt, RULES, at)
    with reader.begin() as connection:
        return signin.finish(connection, attempt, candidate, verdict, RULES, at)


def session_of(reader: Database, token: str, at: datetime = NOW, *, touch: bool = True) -> sessions.Session | None:
    with reader.begin() as connection:
        return sessions.find(connection, token, at, touch=touch)


def refused(owner: Database, *arguments: Any, **options: Any) -> str:
    """The code of the problem that making such an account raises."""
    with pytest.raises(Problem) as raised:
        add_with(owner, *arguments, **options)
    return raised.value.code


def add_with(owner: Database, login: str, role: str, school: tuple[str, ...] = (), password: str = PASSWORD) -> None:
    with owner.begin() as connection:
        accounts.add(connection, NewAccount(login, role, password, school), NOW, KEY)


def test_an_account_is_found_in_any_spelling_of_its_login(owner: Database):
    made = add(owner, " Anna ", "head", "23-002", "23-001")
    with owner.begin() as connection:
        assert accounts.get(connection, "ANNA") == made
        assert accounts.every(connection) == [made]
    assert (made.login, made.schools, made.factor) == ("anna", ("23-001", "23-002"), True)
    assert made.as_json()["created_at"] == "2026-11-23T09:00:00Z"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("anna", "king"), "GOR-1904"),
        (("anna", "head"), "GOR-1905"),
        (("anna", "operator", ("23-001",)), "GOR-1907"),
        (("anna", "head", ("99-999",)), "GOR-1011"),
        (("an na", "operator"), "GOR-1908"),
        (("", "operator"), "GOR-1908"),
        (("a" * 101, "operator"), "GOR-1908"),
        (("anna", "operator", (), "too short"), "GOR-1903"),
        (("anna", "operator", (), "annaannaanna"), "GOR-1906"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_its_problem(owner: Database, arguments: tuple[Any, ...], code: str):
    assert refused(owner, *arguments) == code
    with owner.begin() as connection:
        assert accounts.every(connection) == []


def test_a_login_is_given_once(owner: Database):
    add(owner, "anna")
    assert refused(owner, "ANNA", "analyst") == "GOR-1901"


def test_an_unknown_login_is_named_by_its_problem(owner: Database):
    with pytest.raises(Problem, match="GOR-1902"), owner.begin() as connection:
        accounts.disable(connection, "nobody", NOW)


def test_the_database_holds_neither_password_nor_secret_nor_token(owner: Database, reader: Database, store: Store):
    add(owner, "anna")
    token = sign_in(reader, "anna", code=code_at()).token
    with store.owner() as connection:
        held = repr([connection.execute(f"SELECT * FROM gorod.{name}").fetchall() for name in ("account", "session")])  # noqa: S608  names of ours
    assert PASSWORD not in held
    assert repr(SECRET)[2:-1] not in held
    assert token not in held


def test_signing_in_opens_a_session_with_the_account_s_role_and_schools(owner: Database, reader: Database):
    add(owner, "anna", "head", "23-001")
    result = sign_in(reader, "Anna", code=code_at())
    assert result.outcome is Outcome.OPEN
    held = session_of(reader, result.token)
    assert held is not None
    assert (held.stage, held.account.role, held.account.schools) == ("open", "head", ("23-001",))


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        ("nobody", PASSWORD, code_at()),
        ("anna", "wrong password", code_at()),
        ("anna", PASSWORD, "000000"),
        ("anna", PASSWORD, ""),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(
    owner: Database, reader: Database, login: str, password: str, code: str
):
    add(owner, "anna")
    assert sign_in(reader, login, password, code) == signin.SignedIn(Outcome.REFUSED)


def test_an_unknown_login_costs_as_much_as_a_wrong_password(
    owner: Database, reader: Database, monkeypatch: pytest.MonkeyPatch
):
    """Time is not measured here, work is: both check one password, with the same parameters, and one code."""
    add(owner, "anna")
    checked: list[str] = []
    real = signin.credentials.password_fits
    monkeypatch.setattr(
        signin.credentials,
        "password_fits",
        lambda password, stored: (checked.append(stored), real(password, stored))[1],
    )
    for login in ("anna", "nobody"):
        sign_in(reader, login, "wrong password")
    assert len(checked) == 2
    assert len({stored.split("$")[3] for stored in checked}) == 1


def test_a_code_opens_once(owner: Database, reader: Database):
    add(owner, "anna")
    assert sign_in(reader, "anna", code=code_at()).outcome is Outcome.OPEN
    assert sign_in(reader, "anna", code=code_at()).outcome is Outcome.REFUSED
    later = NOW + timedelta(seconds=30)
    assert sign_in(reader, "anna", code=code_at(later), at=later).outcome is Outcome.OPEN


def test_one_code_typed_twice_at_the_same_moment_opens_once(owner: Database, reader: Database):
    add(owner, "anna")
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(sign_in(reader, "anna", code=code_at()).outcome))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.value for outcome in outcomes) == ["open", "refused", "refused"]


@pytest.mark.parametrize("login", ["anna", "nobody"])
def test_after_failures_nothing_is_tried_for_a_while_known_login_or_not(owner: Database, reader: Database, login: str):
    add(owner, "anna")
    results = [sign_in(reader, login, "wrong password") for _ in range(4)]
    assert [result.outcome for result in results] == [Outcome.REFUSED] * 3 + [Outcome.BLOCKED]
    assert 0 < results[3].wait_s <= 11


def test_while_blocked_even_the_right_password_does_not_open(owner: Database, reader: Database):
    add(owner, "anna")
    for _ in range(3):
        sign_in(reader, "anna", "wrong password")
    assert sign_in(reader, "anna", code=code_at()).outcome is Outcome.BLOCKED
    later = NOW + timedelta(seconds=11)
    assert sign_in(reader, "anna", code=code_at(later), at=later).outcome is Outcome.OPEN


def test_a_success_forgives_the_failures_before_it(owner: Database, reader: Database):
    add(owner, "anna")
    for second in (0, 30, 60):
        at = NOW + timedelta(seconds=second)
        assert sign_in(reader, "anna", "wrong password", at=at).outcome is Outcome.REFUSED
        assert sign_in(reader, "anna", code=code_at(at), at=at).outcome is Outcome.OPEN


def test_failures_of_one_login_do_not_block_another(owner: Database, reader: Database):
    for login in ("anna", "boris"):
        add(owner, login)
    for _ in range(4):
        sign_in(reader, "anna", "wrong password")
    assert sign_in(reader, "boris", code=code_at()).outcome is Outcome.OPEN


def test_a_closed_account_is_refused_like_an_unknown_one_and_its_sessions_end(owner: Database, reader: Database):
    add(owner, "anna")
    token = sign_in(reader, "anna", code=code_at()).token
    with owner.begin() as connection:
        assert accounts.disable(connection, "anna", NOW).disabled_at == NOW
    assert session_of(reader, token) is None
    later = NOW + timedelta(seconds=60)
    assert sign_in(reader, "anna", code=code_at(later), at=later).outcome is Outcome.REFUSED


def test_a_reset_account_has_a_new_password_and_sets_up_its_second_factor_anew(owner: Database, reader: Database):
    add(owner, "anna")
    token = sign_in(reader, "anna", code=code_at()).token
    with owner.begin() as connection:
        assert not accounts.reset(connection, "anna", "another long password", NOW).factor
    assert session_of(reader, token) is None
    assert sign_in(reader, "anna").outcome is Outcome.REFUSED
    assert sign_in(reader, "anna", "another long password").outcome is Outcome.ENROL


def test_a_reset_forgets_the_failures(owner: Database, reader: Database):
    add(owner, "anna")
    for _ in range(4):
        blocked = sign_in(reader, "anna", "wrong password")
    with owner.begin() as connection:
        accounts.reset(connection, "anna", "another long password", NOW)
    assert blocked.outcome is Outcome.BLOCKED
    assert sign_in(reader, "anna", "another long password").outcome is Outcome.ENROL


def test_another_role_holds_from_the_next_page_on(owner: Database, reader: Database):
    add(owner, "anna", "head", "23-001")
    token = sign_in(reader, "anna", code=code_at()).token
    with owner.begin() as connection:
        accounts.set_role(connection, "anna", "deputy", ["23-002"], NOW)
    held = session_of(reader, token)
    assert held is not None
    assert (held.account.role, held.account.schools) == ("deputy", ("23-002",))


def test_the_first_sign_in_enrols_the_second_factor(owner: Database, reader: Database):
    add(owner, "anna", secret=None)
    result = sign_in(reader, "anna")
    held = session_of(reader, result.token)
    assert result.outcome is Outcome.ENROL
    assert held is not None
    assert held.factor_secret is not None
    secret = accounts.open_secret(KEY, "anna", held.factor_secret)
    assert secret is not None
    with reader.begin() as connection:
        assert signin.enrol(connection, result.token, "000000", RULES, NOW) is None
        token = signin.enrol(connection, result.token, code_at(secret=secret), RULES, NOW)
    assert token is not None
    opened = session_of(reader, token)
    assert opened is not None
    assert opened.stage == "open"
    assert session_of(reader, result.token) is None
    assert sign_in(reader, "anna").outcome is Outcome.REFUSED


def test_a_second_factor_is_enrolled_once_though_two_browsers_set_it_up(owner: Database, reader: Database):
    add(owner, "anna", secret=None)
    first, second = sign_in(reader, "anna"), sign_in(reader, "anna")
    secrets = []
    for result in (first, second):
        held = session_of(reader, result.token)
        assert held is not None
        assert held.factor_secret is not None
        secrets.append(accounts.open_secret(KEY, "anna", held.factor_secret) or b"")
    with reader.begin() as connection:
        assert signin.enrol(connection, first.token, code_at(secret=secrets[0]), RULES, NOW)
        assert signin.enrol(connection, second.token, code_at(secret=secrets[1]), RULES, NOW) is None


def test_a_parent_signs_in_without_a_second_factor(owner: Database, reader: Database):
    add(owner, "parent", "parent", "23-001", secret=None)
    assert sign_in(reader, "parent").outcome is Outcome.OPEN


def test_a_session_ends_when_nobody_comes(owner: Database, reader: Database):
    add(owner, "anna")
    token = sign_in(reader, "anna", code=code_at()).token
    seen = NOW + timedelta(minutes=29)
    assert session_of(reader, token, seen)
    assert session_of(reader, token, seen + timedelta(minutes=29))
    assert session_of(reader, token, seen + timedelta(minutes=60)) is None


def test_a_page_that_reloads_itself_keeps_no_session_alive(owner: Database, reader: Database):
    add(owner, "anna")
    token = sign_in(reader, "anna", code=code_at()).token
    for minutes in (10, 20, 30):
        assert session_of(reader, token, NOW + timedelta(minutes=minutes), touch=False)
    assert session_of(reader, token, NOW + timedelta(minutes=31), touch=False) is None


def test_a_session_ends_after_its_whole_life_though_somebody_comes(owner: Database, reader: Database):
    add(owner, "anna")
    token = sign_in(reader, "anna", code=code_at()).token
    for minutes in range(20, 12 * 60, 20):
        assert session_of(reader, token, NOW + timedelta(minutes=minutes))
    assert session_of(reader, token, NOW + timedelta(hours=12)) is None


def test_every_attempt_is_recorded_and_the_record_outlives_all_else(owner: Database, reader: Database, store: Store):
    add(owner, "anna")
    sign_in(reader, "anna", "wrong password")
    sign_in(reader, "nobody", "wrong password")
    sign_in(reader, "anna", code=code_at())
    with store.owner() as connection:
        rows = connection.execute(
            "SELECT outcome, account_id IS NULL, address FROM gorod.sign_in ORDER BY id"
        ).fetchall()
    assert rows == [("refused", False, "192.0.2.7"), ("refused", True, "192.0.2.7"), ("open", False, "192.0.2.7")]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO gorod.account (login, role, password_hash, created_at, password_at) VALUES ('x', 'admin', '', now(), now())",
        "UPDATE gorod.account SET role = 'admin'",
        "UPDATE gorod.account SET password_hash = ''",
        "DELETE FROM gorod.account",
        "INSERT INTO gorod.account_scope (account_id, school_id) VALUES (1, '23-002')",
        "UPDATE gorod.sign_in SET outcome = 'open'",
        "DELETE FROM gorod.sign_in",
        "SELECT * FROM gorod.sign_in",
        "UPDATE gorod.school SET name = 'x'",
        "INSERT INTO gorod.mark (school_id, source_id) VALUES ('23-001', '1')",
    ],
)
def test_the_portal_s_login_can_neither_make_accounts_nor_change_school_data(
    owner: Database, store: Store, statement: str
):
    add(owner, "anna")
    with psycopg.connect(store.roles.portal) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
