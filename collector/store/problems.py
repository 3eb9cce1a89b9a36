"""Errors of the database driver, translated once, at the edge, into problems that people are told."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

import psycopg
import sqlalchemy.exc
from psycopg_pool import PoolTimeout

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNAVAILABLE: Final = "GOR-1801"
_BY_STATE: Final = {
    "28": "GOR-1802",  # invalid authorisation
    "53100": "GOR-1805",  # disk full
    "42501": "GOR-1809",  # insufficient privilege
    "42P01": "GOR-1806",  # a table is missing
    "42703": "GOR-1806",  # a column is missing
    "3F000": "GOR-1806",  # the schema is missing
    "55P03": "GOR-1808",  # lock not available
    "57014": "GOR-1808",  # cancelled, or statement_timeout
    "40001": "GOR-1808",  # serialisation failure
    "40P01": "GOR-1808",  # deadlock
    "08": _UNAVAILABLE,  # connection
    "3D000": _UNAVAILABLE,  # the database is missing
    "53": _UNAVAILABLE,  # too many connections, out of memory
    "57": _UNAVAILABLE,  # shutdown, start-up, recovery
}
_REFUSED: Final = ("authentication failed", "no password supplied", "no pg_hba.conf entry")


def as_problem(error: psycopg.Error) -> Problem:
    """The problem that a driver's error means. Its cause never holds values of rows: the driver's message is not passed on."""
    state = error.sqlstate or ""
    if not state:
        return _without_state(error)
    code = _BY_STATE.get(state) or _BY_STATE.get(state[:2]) or "GOR-1811"
    name = type(error).__name__
    diagnosis = error.diag
    place = ".".join(
        part for part in (diagnosis.table_name, diagnosis.column_name or diagnosis.constraint_name) if part
    )
    return Problem(code, cause=f"{state} {name} {place}".strip(), version="", user="")


def _without_state(error: psycopg.Error) -> Problem:
    """A failed connection is told by libpq in words only (in English, for the embedded server; else what is unknown is unavailable)."""
    text = str(error).strip()
    if isinstance(error, psycopg.OperationalError) and any(word in text for word in _REFUSED):
        return Problem("GOR-1802", user=_user_in(text))
    cause = "no free connection" if isinstance(error, PoolTimeout) else text.splitlines()[0] if text else "closed"
    return Problem(_UNAVAILABLE, cause=cause)


def _user_in(text: str) -> str:
    found = re.search(r'user "([^"]*)"', text)
    return found[1] if found else ""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise a driver's error as its problem."""
    try:
        yield
    except psycopg.Error as error:
        raise as_problem(error) from error
    except sqlalchemy.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise as_problem(error.orig) from error
        raise
    except sqlalchemy.exc.TimeoutError as error:
        raise Problem(_UNAVAILABLE, cause="no free connection") from error
