"""NetSchool stand-ins for the contract of sources: a small schema in each engine, written as the vendor, read as the agent may."""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg

from agent.profile import Profile, parse
from agent.sources.base import Options, Source
from agent.sources.factory import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from collector.store.embedded import EmbeddedServer

ORGANISATION = "school-1"
OTHER = "school-2"
READER, READER_PASSWORD = "gorod_reader", "reads only"

PROFILE_TEXT = b"""
name = "contract"
version = 1

[entity.academic_year]
key = ["id"]
key_type = "int"
tables = ["SchoolYears"]
sql = "SELECT y.YearId AS id, y.Name AS name, y.Closed AS closed FROM SchoolYears y WHERE y.OrgCode = :organisation"

[entity.subject]
key = ["id"]
key_type = "int"
hint = "_changed"
tables = ["Subjects"]
sql = "SELECT s.SubjectId AS id, s.Name AS name, s.Area AS area, s.ChangedAt AS _changed FROM Subjects s WHERE s.OrgCode = :organisation"

[entity.person]
key = ["id"]
key_type = "guid"
tables = ["People"]
sql = "SELECT p.PersonId AS id, p.LastName AS last_name, p.BirthDate AS birth_date, p.Phone AS _phone FROM People p WHERE p.OrgCode = :organisation"

[entity.pupil]
key = ["id"]
key_type = "int"
tables = ["Students"]
sql = "SELECT s.StudentId AS id, s.PersonId AS person_id FROM Students s WHERE s.OrgCode = :organisation"

[entity.assignment_type]
key = ["id"]
key_type = "text"
tables = ["WorkKinds"]
sql = "SELECT w.Code AS id, w.Name AS name FROM WorkKinds w WHERE w.OrgCode = :organisation"

[entity.attendance_event]
key = ["lesson_id", "pupil_id"]
key_type = "composite"
hint = "_changed"
tables = ["Absences", "JournalLog"]
sql = \"\"\"
SELECT a.LessonId AS lesson_id, a.PupilId AS pupil_id, a.YearId AS year_id, a.Code AS submitted_code, a.HappenedAt AS at, a.ChangedAt AS _changed
FROM Absences a
WHERE a.OrgCode = :organisation
\"\"\"

[[entity.attendance_event.hints]]
table = "JournalLog"
sql = \"\"\"
SELECT l.LessonId AS lesson_id, l.PupilId AS pupil_id, l.LoggedAt AS _changed FROM JournalLog l WHERE l.OrgCode = :organisation
\"\"\"
"""

SCHEMA = """
CREATE TABLE SchoolYears (YearId INTEGER PRIMARY KEY, OrgCode TEXT NOT NULL, Name TEXT, Closed {bool});
CREATE TABLE Subjects (SubjectId INTEGER PRIMARY KEY, OrgCode TEXT NOT NULL, Name TEXT, Area TEXT, ChangedAt {stamp});
CREATE TABLE People (PersonId {guid} PRIMARY KEY, OrgCode TEXT NOT NULL, LastName TEXT, BirthDate {date}, Phone TEXT, Photo TEXT);
CREATE TABLE Students (StudentId INTEGER PRIMARY KEY, OrgCode TEXT NOT NULL, PersonId {guid}, Snils TEXT);
CREATE TABLE WorkKinds (Code TEXT{unordered}, OrgCode TEXT NOT NULL, Name TEXT);
CREATE INDEX WorkKindsByCode ON WorkKinds (Code);
CREATE TABLE Absences (LessonId INTEGER NOT NULL, PupilId {guid} NOT NULL, OrgCode TEXT NOT NULL, YearId INTEGER, Code TEXT,
                       HappenedAt {stamp}, ChangedAt {stamp}, PRIMARY KEY (LessonId, PupilId));
CREATE INDEX AbsencesByDay ON Absences (HappenedAt);
CREATE INDEX AbsencesByChange ON Absences (ChangedAt);
CREATE INDEX SubjectsByChange ON Subjects (ChangedAt);
CREATE TABLE JournalLog (LogId INTEGER PRIMARY KEY, OrgCode TEXT NOT NULL, LessonId INTEGER, PupilId {guid}, LoggedAt {stamp});
CREATE INDEX JournalLogByTime ON JournalLog (LoggedAt);
"""


def profile() -> Profile:
    """The profile of the small schema."""
    return parse(PROFILE_TEXT)


class Vendor(ABC):
    """A database as its owner sees it, and a way to open it as the agent must: without any right to write."""

    engine: ClassVar[str]
    url: str

    @abstractmethod
    def execute(self, statement: str, *rows: Sequence[Any]) -> None:
        """Run a statement with ``?`` for each value, once for every row given, and commit."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction of its own connection; committed at the end of the block. What it yields has ``execute``."""

    @abstractmethod
    def backup(self) -> None:
        """Keep the database as it is."""

    @abstractmethod
    def restore(self) -> None:
        """Put the kept database back in the place of the present one."""

    @abstractmethod
    def locked(self, table: str) -> AbstractContextManager[None]:
        """Nobody else can read the table."""

    def open(self, organisation: str = ORGANISATION, **options: Any) -> Source:
        """The source as the agent opens it."""
        settings = {"lock_timeout_s": 0.2, "probe_s": 0.01, "probe_idle_s": 0.01, "hint_overlap_s": 0.0} | options
        return open_source(Options(self.url, organisation, **settings))


class SqliteVendor(Vendor):
    """A file in a folder of its own."""

    engine = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(
                SCHEMA.format(bool="INTEGER", stamp="TEXT", guid="TEXT", date="TEXT", unordered=" COLLATE NOCASE")
            )
        connection.close()

    def execute(self, statement: str, *rows: Sequence[Any]) -> None:
        with self.transaction() as connection:
            connection.executemany(statement, rows or [()])

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=5)
        connection.execute("PRAGMA synchronous = OFF")
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def backup(self) -> None:
        shutil.copy(self.path, self._kept)

    def restore(self) -> None:
        self._kept.replace(self.path)

    @property
    def _kept(self) -> Path:
        return self.path.with_suffix(".bak")

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:  # noqa: ARG002  the whole file is locked
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.rollback()
        connection.close()


class _Marked:
    """A psycopg connection that takes ``?`` for a value."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, row: Sequence[Any] = ()) -> None:
        self._connection.execute(statement.replace("?", "%s").encode(), row)


class PostgresVendor(Vendor):
    """A database of the test server, with a role that can only read."""

    engine = "postgres"

    def __init__(self, server: EmbeddedServer, name: str) -> None:
        self.server, self.name = server, name
        self.owner = server.create_database(name)
        self.url = psycopg.conninfo.make_conninfo(self.owner, user=READER, password=READER_PASSWORD)
        found = psycopg.conninfo.conninfo_to_dict(self.url)
        self.url = f"postgresql://{READER}:reads%20only@{found['host']}:{found['port']}/{name}"
        unordered = ' COLLATE "C"'
        with psycopg.connect(self.owner, autocommit=True) as connection:
            text = SCHEMA.format(bool="boolean", stamp="timestamp", guid="uuid", date="date", unordered=unordered)
            connection.execute(text.encode())
            self._grant(connection)

    def _grant(self, connection: psycopg.Connection[Any]) -> None:
        """Exactly what a school grants: connect and SELECT, nothing to write with, not even temporary tables."""
        connection.execute(
            f"""
            DO $$ BEGIN
              IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{READER}') THEN
                CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}';
              END IF;
            END $$;
            REVOKE TEMP ON DATABASE {self.name} FROM PUBLIC;
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER};
            """.encode()  # noqa: S608  names of the test itself
        )

    def execute(self, statement: str, *rows: Sequence[Any]) -> None:
        with psycopg.connect(self.owner) as connection, connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), rows or [()])

    @contextmanager
    def transaction(self) -> Iterator[_Marked]:
        with psycopg.connect(self.owner) as connection:
            yield _Marked(connection)

    def backup(self) -> None:
        self.server.create_database(f"{self.name}_bak", template=self.name)

    def restore(self) -> None:
        self.server.drop_database(self.name)
        self.server.create_database(self.name, template=f"{self.name}_bak")
        self.server.drop_database(f"{self.name}_bak")
        with psycopg.connect(self.owner, autocommit=True) as connection:
            self._grant(connection)

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        with psycopg.connect(self.owner) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield
