"""What enrolment needs from the rest of the collector: a place for codes and certificates, and what a school is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from collector.core.issuance import Code, Issued
    from proto.problems import Problem


class Session(Protocol):
    """One transaction. A code that was read stays locked until its end, so that of two callers with one code only one is served."""

    def code(self, digest: bytes) -> Code | None:
        """The code with this hash."""

    def add_code(self, code: Code) -> None:
        """Keep a new code."""

    def use_code(self, digest: bytes, at: datetime, csr_key: bytes) -> None:
        """Mark the code used, unless it already is."""

    def count_failure(self, digest: bytes) -> None:
        """Count a refused use."""

    def end_codes(self, school: str, at: datetime) -> None:
        """Let the school's unused codes end now."""

    def certificate(self, serial: str, *, lock: bool = False) -> Issued | None:
        """The certificate with this serial; ``lock`` keeps others from renewing it meanwhile."""

    def certificates(self, school: str, *, lock: bool = False) -> Sequence[Issued]:
        """All certificates of a school, oldest first; ``lock`` as above."""

    def add_certificate(self, issued: Issued) -> None:
        """Keep a certificate, unless it is known."""

    def set_successor(self, serial: str, successor: str) -> None:
        """Note what renewed the certificate, unless something already did."""

    def revoke(self, serial: str, at: datetime) -> None:
        """Mark the certificate revoked, unless it already is."""


class Registry(Protocol):
    """Codes and certificates of all schools."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Begin; committed at the end of the block, undone when it raises."""


@dataclass(frozen=True, slots=True)
class CardRequest:
    """Who asks for a card, and what the agent said of its source. ``renewal``: the rest is empty."""

    school: str
    agent_version: str
    identity: str = ""
    schema_fingerprint: str = ""
    profile: str = ""
    renewal: bool = False


@dataclass(frozen=True, slots=True)
class CardProfile:
    """A profile for the school, signed by the authority."""

    name: str
    toml: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """What a school is told with its certificate. ``settings`` is a serialised ``gorod.sync.v1.Settings``."""

    fingerprint_key: bytes
    zone: str
    organisation: str
    sync_address: str
    enrol_address: str
    settings: bytes = b""
    profile: CardProfile | None = None


class SchoolCard(Protocol):
    """Looks a school up, records the identity of its source at the first enrolment, and chooses a profile.

    Called before a code is used up: a refusal by :class:`~proto.problems.Problem` leaves the code good.
    """

    def __call__(self, request: CardRequest) -> Card:
        """The card; raises a Problem when the school cannot be served."""


class Audit(Protocol):
    """Is told of every refusal, so that the department sees a revoked or copied certificate being tried."""

    def __call__(self, problem: Problem, caller: str) -> None:
        """``problem.details["school"]`` names the school where it is known; ``caller`` is a network address."""
