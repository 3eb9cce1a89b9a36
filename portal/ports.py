"""What the portal asks of the outside: health of schools, and people's accounts. PostgreSQL stands behind both; tests put fakes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from collector.store.health import ReceivedBatch, SchoolEvent, SchoolHealth
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
