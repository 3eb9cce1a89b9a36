"""Codes and certificates in PostgreSQL: the tables ``code`` and ``certificate`` of the store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from collector.core.issuance import Code, Issued

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from psycopg import Connection

_CODE: Final = """
SELECT hash, school_id, created_at, expires_at, used_at, csr_key, failures FROM gorod.code WHERE hash = %s FOR UPDATE"""
_ADD_CODE: Final = "INSERT INTO gorod.code (hash, school_id, created_at, expires_at) VALUES (%s, %s, %s, %s)"
_USE_CODE: Final = "UPDATE gorod.code SET used_at = %s, csr_key = %s WHERE hash = %s AND used_at IS NULL"
_COUNT_FAILURE: Final = "UPDATE gorod.code SET failures = failures + 1 WHERE hash = %s"
_END_CODES: Final = """
UPDATE gorod.code SET expires_at = least(expires_at, %s) WHERE school_id = %s AND used_at IS NULL"""
_CERTIFICATE: Final = """
SELECT serial, school_id, der, not_after, issued_at, revoked_at, successor FROM gorod.certificate WHERE serial = %s"""
_CERTIFICATES: Final = """
SELECT serial, school_id, der, not_after, issued_at, revoked_at, successor FROM gorod.certificate
WHERE school_id = %s ORDER BY issued_at, serial"""
_LOCK: Final = " FOR UPDATE"
_ADD_CERTIFICATE: Final = """
INSERT INTO gorod.certificate (serial, school_id, der, not_after, issued_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (serial) DO NOTHING"""
_SET_SUCCESSOR: Final = "UPDATE gorod.certificate SET successor = %s WHERE serial = %s AND successor IS NULL"
_REVOKE: Final = "UPDATE gorod.certificate SET revoked_at = %s WHERE serial = %s AND revoked_at IS NULL"


class PostgresRegistry:
    """The registry over connections of a pool; ``connect`` gives one whose block commits at its end."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection[Any]]]) -> None:
        self._connect = connect

    @contextmanager
    def transaction(self) -> Iterator[PostgresSession]:
        """One transaction on one connection."""
        with self._connect() as connection, connection.transaction():
            yield PostgresSession(connection)


class PostgresSession:
    """Queries of one transaction; see :class:`collector.ca.ports.Session` for what each means."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def code(self, digest: bytes) -> Code | None:
        """Locks the row."""
        row = self._connection.execute(_CODE, (digest,)).fetchone()
        return Code(*row) if row else None

    def add_code(self, code: Code) -> None:
        """Keep a new code."""
        self._connection.execute(_ADD_CODE, (code.digest, code.school, code.created_at, code.expires_at))

    def use_code(self, digest: bytes, at: datetime, csr_key: bytes) -> None:
        """The first use stands."""
        self._connection.execute(_USE_CODE, (at, csr_key, digest))

    def count_failure(self, digest: bytes) -> None:
        """Count a refused use."""
        self._connection.execute(_COUNT_FAILURE, (digest,))

    def end_codes(self, school: str, at: datetime) -> None:
        """Let the school's unused codes end now."""
        self._connection.execute(_END_CODES, (at, school))

    def certificate(self, serial: str, *, lock: bool = False) -> Issued | None:
        """Locks the row on demand: a renewal does, a look at each call of the stream does not."""
        row = self._connection.execute(_CERTIFICATE + _LOCK * lock, (serial,)).fetchone()
        return Issued(*row) if row else None

    def certificates(self, school: str, *, lock: bool = False) -> Sequence[Issued]:
        """Locks the rows on demand: a revocation does."""
        return [Issued(*row) for row in self._connection.execute(_CERTIFICATES + _LOCK * lock, (school,))]

    def add_certificate(self, issued: Issued) -> None:
        """Keep a certificate, unless it is known."""
        values = (issued.serial, issued.school, issued.der, issued.not_after, issued.issued_at)
        self._connection.execute(_ADD_CERTIFICATE, values)

    def set_successor(self, serial: str, successor: str) -> None:
        """The first successor stands."""
        self._connection.execute(_SET_SUCCESSOR, (successor, serial))

    def revoke(self, serial: str, at: datetime) -> None:
        """The first revocation stands."""
        self._connection.execute(_REVOKE, (at, serial))
