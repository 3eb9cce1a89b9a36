"""People's own affairs over the department's database: using a code, the own account, and the codes that a school's office makes.

Each call is one short transaction; between counting a guess and judging it none is held. Names are opened here, with the key ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from collector.store import accounts, activations, audit, backoff, own, roster, schools, sessions, signin, visits
from portal.city import StoreCity
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from collector.store.activations import Card, Issued, Standing, Wanted
    from collector.store.engine import Database
    from collector.store.keys import KeyRing
    from collector.store.sessions import Session

_CODE: Final = "code"


class Answer(Enum):
    """How something that a person asked for ended."""

    DONE = "done"
    ENROL = "enrol"  # the account is there, its second factor is still to be set up
    SIGN_IN = "sign_in"  # the password holds now; the second factor is asked at the sign-in
    TYPO = "typo"  # what was typed cannot be a code
    REFUSED = "refused"
    OTHER_ROLE = "other_role"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a code stands for, or why nothing is told."""

    answer: Answer
    card: Card | None = None
    first_name: str = ""
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an attempt: the token of the new session, the seconds to wait, the school that was added."""

    answer: Answer
    token: str = ""
    wait_s: int = 0
    school: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The page of the own account."""

    places: tuple[tuple[str, str], ...]
    """Name of the school, and the first names of those whose data it shows."""
    sessions: tuple[sessions.Listed, ...]
    recovery_left: int
    linked: bool


@dataclass(frozen=True, slots=True)
class ClassList:
    """A class with its people and how far each has come."""

    name: str
    pupils: tuple[roster.Pupil, ...]
    standings: Mapping[str, Standing]


class StorePeople:
    """The people of the city as the portal serves them."""

    def __init__(self, database: Database, rules: signin.Rules, ring: KeyRing, issuer: str = "") -> None:
        self._database, self._rules, self._ring, self._issuer = database, rules, ring, issuer
        self.city = StoreCity(database)
        """What the department reads of the portal itself."""

    # ---- codes in the hands of people

    def look(self, typed: str, address: str, now: datetime) -> Looked:
        """What the holder of a code may know. Every guess counts against its address until it was right."""
        letters = activations.read_code(typed)
        with self._database.begin() as connection:
            subject = backoff.address_subject(address, _CODE)
            wait = backoff.wait_s(connection, [subject], now)
            if wait:
                return Looked(Answer.WAIT, wait_s=wait)
            if letters is None:
                return Looked(Answer.TYPO)
            backoff.count(connection, subject, self._rules.guesses, now)
            card = activations.look(connection, letters, self._rules.code_key, now)
            if card is None:
                return Looked(Answer.REFUSED)
            backoff.give_back(connection, subject)
        keys = self._ring.reader(card.school, now)
        return Looked(Answer.DONE, card, roster.first_name(card.first_name, card.person, keys))

    def activate(self, typed: str, login: str, password: str, place: sessions.Place, now: datetime) -> Done:
        """Use a code up and begin a session. Problems 19xx say what is wrong with login or password; the code stays good then.

        Guesses are counted by :meth:`look`, which comes first.
        """
        letters = activations.read_code(typed) or ""
        accounts.check_password(password, accounts.fit_login(login))
        hashed = accounts.hash_password(password)
        with self._database.begin() as connection:
            made = activations.activate(connection, letters, login, hashed, self._rules.code_key, now)
            if made is None:
                return Done(Answer.REFUSED)
            if made.role in accounts.PERSON_ROLES:
                return Done(Answer.DONE, signin.open_for(connection, made.id, made.role, place, self._rules, now))
            if made.factor:
                return Done(Answer.SIGN_IN)
            return Done(Answer.ENROL, signin.begin_enrolment(connection, made.id, made.login, place, self._rules, now))

    def add_person(self, session: Session, typed: str, address: str, now: datetime) -> Done:
        """Use a code up for the signed-in account."""
        looked = self.look(typed, address, now)
        letters = activations.read_code(typed)
        if looked.answer is not Answer.DONE or letters is None:
            return Done(looked.answer, wait_s=looked.wait_s)
        with self._database.begin() as connection:
            added = activations.add_person(connection, letters, session.account.id, self._rules.code_key, now)
        if added is None:
            return Done(Answer.REFUSED)
        return Done(Answer.OTHER_ROLE) if added == "role" else Done(Answer.DONE, school=added)

    # ---- another provider of sign-ins

    def linked(self, issuer: str, subject: str) -> accounts.Account | None:
        """The account that a provider's subject is tied to."""
        with self._database.begin() as connection:
            return own.linked_account(connection, issuer, subject)

    def link(self, number: int, issuer: str, subject: str, now: datetime) -> bool:
        """Tie a provider's subject to an account; False if it is tied to another one."""
        with self._database.begin() as connection:
            return own.link(connection, number, issuer, subject, now)

    def unlink(self, session: Session, issuer: str, now: datetime) -> None:
        """Forget what a provider calls the owner of the account."""
        with self._database.begin() as connection:
            own.unlink(connection, session.account.id, issuer, now)

    def sign_in_known(
        self, login: str, code: str, address: str, place: sessions.Place, now: datetime
    ) -> signin.SignedIn:
        """Sign in somebody whom a provider vouches for; the code is checked as ever."""
        attempt = signin.Attempt(login, "", code, address, place)
        with self._database.begin() as connection:
            candidate = signin.begin(connection, attempt, self._rules, now)
        verdict = signin.judge_code(candidate, attempt, self._rules, now)
        with self._database.begin() as connection:
            return signin.finish(connection, attempt, candidate, verdict, self._rules, now)

    # ---- the own account

    def overview(self, session: Session, token: str, now: datetime) -> Overview:
        """What the page of the own account shows."""
        account = session.account
        with self._database.begin(scope=",".join(account.schools), reader=(account.id, now)) as connection:
            names = {school: schools.get(connection, school).name for school in account.schools}
            known = {school: self._known(connection, account, school, now) for school in account.schools}
            listed = tuple(sessions.every(connection, account.id, token, now))
            left = own.recovery_codes_left(connection, account.id)
            linked = bool(self._issuer) and own.is_linked(connection, account.id, self._issuer)
        places = tuple((names[school], ", ".join(known[school])) for school in account.schools)
        return Overview(places, listed, left, linked)

    def _known(self, connection: Connection, account: accounts.Account, school: str, now: datetime) -> list[str]:
        """First names of the pupils that the account stands for at a school."""
        found: list[str] = []
        keys = self._ring.reader(school, now)
        for at, person in account.people:
            if at == school and account.role == "parent":
                found += roster.children(connection, school, person, keys, now.date())
            elif at == school and account.role == "pupil":
                found.append(roster.first_name(roster.sealed_first_name(connection, school, person), person, keys))
        return list(dict.fromkeys(filter(None, found)))

    def end_session(self, session: Session, number: int, now: datetime) -> bool:
        """Sign out one of the own sessions."""
        with self._database.begin() as connection:
            return sessions.end_number(connection, session.account.id, number, now)

    def end_others(self, session: Session, token: str, now: datetime) -> int:
        """Sign out everywhere but here."""
        with self._database.begin() as connection:
            return sessions.end_others(connection, session.account.id, token, now)

    def check_password(self, session: Session, password: str, now: datetime) -> Done:
        """Whether the password is the owner's; guesses wait as they do at the sign-in."""
        return self._checked(session, password, now)[0]

    def change_password(self, session: Session, old: str, new: str, token: str, now: datetime) -> Done:
        """Another password. Problems 19xx say what is wrong with the new one."""
        accounts.check_password(new, session.account.login)
        done, stored = self._checked(session, old, now)
        if done.answer is not Answer.DONE:
            return done
        hashed = accounts.hash_password(new)
        with self._database.begin() as connection:
            changed = own.change_password(connection, session.account.id, stored, hashed, token, now)
        return Done(Answer.DONE if changed else Answer.REFUSED)

    def _checked(self, session: Session, password: str, now: datetime) -> tuple[Done, str]:
        with self._database.begin() as connection:
            stored, wait = own.begin(connection, session.account.id, self._rules.backoff, now)
        if wait:
            return Done(Answer.WAIT, wait_s=wait), stored
        if not accounts.password_fits(password, stored):
            return Done(Answer.REFUSED), stored
        with self._database.begin() as connection:
            own.forgive(connection, session.account.id)
        return Done(Answer.DONE), stored

    def start_factor(self, session: Session) -> None:
        """Begin to set up the second factor; the session holds its secret until the first code."""
        with self._database.begin() as connection:
            own.start_factor(connection, session, self._rules.factor_key)

    def confirm_factor(self, session: Session, code: str, now: datetime) -> bool:
        """The first code: from now on the sign-in asks for one."""
        with self._database.begin() as connection:
            return own.confirm_factor(connection, session, code, self._rules.factor_key, now)

    def remove_factor(self, session: Session, now: datetime) -> None:
        """The password alone opens again; for roles that may choose."""
        if session.account.role in accounts.PERSON_ROLES:
            with self._database.begin() as connection:
                own.remove_factor(connection, session.account.id, now)

    def recovery_codes(self, session: Session, now: datetime) -> list[str]:
        """Fresh recovery codes, shown once."""
        with self._database.begin() as connection:
            return own.make_recovery_codes(connection, session.account.id, self._rules.code_key, now)

    # ---- the office of a school

    def classes(self, account: int, school: str, now: datetime) -> tuple[str, list[roster.SchoolClass]] | None:
        """The school's name and its classes; None if the account does not see it."""
        with self._database.begin(scope=school, reader=(account, now)) as connection:
            try:
                name = schools.get(connection, school).name
            except Problem:
                return None
            return name, roster.classes(connection, school, now.date())

    def class_list(self, account: int, school: str, class_id: str, now: datetime) -> ClassList | None:
        """A class with its people; None if there is none that the account sees."""
        keys = self._ring.reader(school, now)
        with self._database.begin(scope=school, reader=(account, now)) as connection:
            named = {one.id: one.name for one in roster.classes(connection, school, now.date())}
            if class_id not in named:
                return None
            pupils = roster.pupils(connection, school, class_id, keys, now.date())
            people = [one.id for pupil in pupils for one in (pupil.person, *pupil.representatives)]
            standings = activations.standings(connection, school, people, accounts.PERSON_ROLES)
        return ClassList(named[class_id], tuple(pupils), standings)

    def staff(self, account: int, school: str, now: datetime) -> tuple[list[roster.Person], Mapping[str, Standing]]:
        """The school's staff and how far each has come."""
        keys = self._ring.reader(school, now)
        with self._database.begin(scope=school, reader=(account, now)) as connection:
            people = roster.staff(connection, school, keys, now.date())
            found = activations.standings(connection, school, [one.id for one in people], accounts.SCHOOL_ROLES)
        return people, found

    def issue(self, account: int, school: str, wanted: Sequence[Wanted], now: datetime) -> list[Issued]:
        """One code each; the only moment at which their text is known."""
        with self._database.begin(scope=school) as connection:
            return activations.issue(
                connection, school, wanted, by=account, now=now, life=self._rules.code_life, key=self._rules.code_key
            )

    # ---- visits and the record

    def record_visits(self, counted: Sequence[visits.Visit]) -> None:
        """Add what was counted in the process."""
        with self._database.begin(scope="*") as connection:
            visits.record(connection, counted)

    def record(self, kind: str, session: Session, now: datetime, *, subject: str = "", school: str = "") -> None:
        """Append to the audit what a page did for its reader."""
        with self._database.begin() as connection:
            audit.record(connection, kind, now, actor=session.account.id, subject=subject, school=school)
