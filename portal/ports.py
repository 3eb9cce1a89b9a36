"""What the portal asks of the outside: health of schools, people's accounts, school data under a reader's rights.

PostgreSQL stands behind all of it; tests put fakes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from psycopg import Connection

    from collector.store import reader as store
    from collector.store.health import ReceivedBatch, SchoolEvent, SchoolHealth
    from collector.store.names import Names
    from collector.store.sessions import Session
    from collector.store.signin import Attempt, SignedIn


@dataclass(frozen=True, slots=True)
class Card:
    """Everything about one school."""

    school: SchoolHealth
    events: tuple[SchoolEvent, ...] = ()
    batches: tuple[ReceivedBatch, ...] = ()


class Reader(Protocol):
    """School data, read under the scope of the one who asks. Raises Problem of the 18xx when the database is away."""

    def schools(self, scope: str, now: datetime) -> tuple[SchoolHealth, ...]:
        """Every school that the scope shows."""

    def card(self, scope: str, school: str, now: datetime) -> Card | None:
        """One school, or None: there is none, or the scope doesn't show it."""

    def ready(self) -> None:
        """Return if the database answers."""


class Accounts(Protocol):
    """People's accounts and sessions."""

    def sign_in(self, attempt: Attempt, now: datetime) -> SignedIn:
        """Check what was typed; see :mod:`collector.store.signin`."""

    def session(self, token: str, now: datetime, *, touch: bool) -> Session | None:
        """The session of a cookie; ``touch`` notes that its owner is there."""

    def factor_secret(self, session: Session) -> bytes | None:
        """The secret that a session of stage ``enrol`` is setting up."""

    def enrol(self, token: str, code: str, now: datetime) -> str | None:
        """Confirm the second factor; the token of the open session, or None if the code is wrong."""

    def sign_out(self, token: str) -> None:
        """End a session."""


class SchoolData(Protocol):
    """School data for one account, in transactions in which the database itself decides which rows there are."""

    @property
    def names(self) -> Names:
        """Opens sealed names."""

    def reader(self, account: int, now: datetime) -> AbstractContextManager[store.Reader]:
        """A transaction that sees what the account may see; Problem of the 18xx when the database is away."""

    def noting(self) -> AbstractContextManager[Connection[Any]]:
        """A transaction for what readers note for themselves (feeds, what was read); it sees no school data."""
