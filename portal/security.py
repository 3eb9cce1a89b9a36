"""Who may do what: the one place where rights are decided, and what guards forms (pure).

A role gives a set of rights and a reach. The reach becomes the scope that PostgreSQL's row-level security reads, so that a page that
forgot to ask shows nothing: rights say which pages there are, the scope says which rows.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Right(Enum):
    """What a person may do."""

    SCHOOLS = "schools"  # the list of schools and how their synchronisation goes
    OWN_SCHOOL = "own_school"  # the same for the own school
    OWN_JOURNALS = "own_journals"  # today's lessons and gaps of the own teaching groups
    JOURNALS = "journals"  # journals, as far as the database lets them be seen
    CLASSES = "classes"  # class lists with contacts
    RESULTS = "results"  # marks, attendance and risks of whole classes
    SCHOOL_DAY = "school_day"  # the day of the own school
    ACCESS = "access"  # who may see what at the own school, and who answers for what
    GIVE_ACCESS = "give_access"  # set roles within the own school, name who answers
    ACCOUNTS = "accounts"  # every account
    VISITS = "visits"  # who reads the portal
    AUDIT = "audit"  # what people did
    CODES = "codes"  # make activation codes for people of the own school


class Reach(Enum):
    """How far a role sees."""

    CITY = "city"
    SCHOOL = "school"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role gives."""

    reach: Reach
    rights: frozenset[Right] = frozenset()


def _city(*more: Right) -> Grant:
    return Grant(Reach.CITY, frozenset({Right.SCHOOLS, Right.OWN_SCHOOL, Right.VISITS, *more}))


def _school(*rights: Right) -> Grant:
    return Grant(Reach.SCHOOL, frozenset(rights))


_OFFICE: Final = (Right.OWN_SCHOOL, Right.SCHOOL_DAY, Right.CLASSES, Right.ACCESS)
_DEPUTY: Final = (*_OFFICE, Right.JOURNALS, Right.RESULTS, Right.VISITS)
_PERSON: Final = Grant(Reach.PERSON)

RIGHTS: Final[Mapping[str, Grant]] = {
    "pupil": _PERSON,
    "parent": _PERSON,
    "teacher": _school(Right.OWN_JOURNALS, Right.JOURNALS),
    "class_teacher": _school(Right.OWN_JOURNALS, Right.JOURNALS, Right.CLASSES, Right.RESULTS),
    "deputy": _school(*_DEPUTY),
    "secretary": _school(*_OFFICE, Right.CODES),
    "head": _school(*_DEPUTY, Right.GIVE_ACCESS, Right.CODES),
    "sysadmin": _school(Right.OWN_SCHOOL),
    "operator": _city(),
    "analyst": _city(),
    "security": _city(Right.AUDIT, Right.ACCOUNTS),
    "admin": _city(Right.AUDIT, Right.ACCOUNTS),
}
FAMILY: Final = ("pupil", "parent")
CODES_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "secretary": (*FAMILY, "teacher", "class_teacher"),
    "head": (*FAMILY, "teacher", "class_teacher", "deputy", "secretary", "sysadmin"),
}
"""Whose codes a role may make: nobody makes codes for a role that stands above the own. A head's comes from the department."""

WHOLE_CITY: Final = "*"
NOTHING: Final = ""
_MINUTE_S: Final = 60.0


def may(role: str, right: Right) -> bool:
    """Whether the role has the right; an unknown role has none."""
    grant = RIGHTS.get(role)
    return grant is not None and right in grant.rights


def scope_of(role: str, schools: Sequence[str]) -> str:
    """The scope for row-level security: the whole city, school ids by comma, or nothing."""
    grant = RIGHTS.get(role)
    if grant is None:
        return NOTHING
    return WHOLE_CITY if grant.reach is Reach.CITY else ",".join(sorted(schools))


class Measure:
    """How many forms a subject may send: `per_minute` at once, then one by one as the minute goes by.

    One per process; guesses are counted in the database beside it, for all processes. The clock is handed in, in seconds.
    """

    MOST: Final = 20_000

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, subject: str, now_s: float) -> int:
        """Count a form; 0 if it may pass, else the seconds until the next one may."""
        if len(self._left) >= self.MOST:
            self._left = {name: held for name, held in self._left.items() if now_s - held[1] < _MINUTE_S}
        left, at = self._left.get(subject, (self._most, now_s))
        left = min(self._most, left + (now_s - at) * self._most / _MINUTE_S)
        passes = left >= 1
        self._left[subject] = (left - 1 if passes else left, now_s)
        return 0 if passes else max(1, round((1 - left) * _MINUTE_S / self._most + 0.5))


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a form was sent by a page of ours, or by a program that is no browser.

    Browsers say where a form comes from (``Sec-Fetch-Site``, older ones ``Origin``); one that says "elsewhere" is refused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def masked(token: bytes, mask: bytes) -> str:
    """The form token as the page carries it: another text on each page, so that compression tells nothing of it."""
    return base64.urlsafe_b64encode(mask + bytes(a ^ b for a, b in zip(mask, token, strict=True))).decode()


def token_fits(token: bytes, sent: str) -> bool:
    """Whether the text is the form token under any mask."""
    try:
        raw = base64.urlsafe_b64decode(sent.encode("utf-8", "replace"))
    except (binascii.Error, ValueError):
        return False
    mask, covered = raw[: len(token)], raw[len(token) :]
    return len(covered) == len(token) and hmac.compare_digest(
        bytes(a ^ b for a, b in zip(mask, covered, strict=True)), token
    )


def local_path(target: str, otherwise: str = "/") -> str:
    """The address to go on to after signing in, if it is one of ours; never another site."""
    fits = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if fits and "\\" not in target else otherwise
