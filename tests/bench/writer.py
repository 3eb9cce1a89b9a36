"""A school at work: one-row transactions on the journal's marks, each told on stdout with the moment at which its commit returned.

    python -m tests.bench.writer COUNT RATE SEED        (address and organisation in the environment; RATE 0: as fast as it goes)

Of a hundred transactions 45 insert a mark, 50 change one, 5 delete one; a deletion also writes the journal's line about it, as the vendor's
program does. A mark is touched once, so that what the centre shows can be told apart. Ends with a line ``cpu SECONDS``.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from install.demo.spec import ZONE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.ground import Ground

_INSERT = f"""
INSERT INTO Marks (OrgCode, MarkId, YearId, AssignmentId, StudentId, Ordinal, KindCode, MarkValue, MarkText, SetAt, EmployeeId, ChangedAt)
SELECT OrgCode, %(new)s, YearId, AssignmentId, StudentId, Ordinal + 1, 1, %(mark)s, %(mark)s::text,
       clock_timestamp() AT TIME ZONE '{ZONE_NAME}', EmployeeId, clock_timestamp() AT TIME ZONE '{ZONE_NAME}'
FROM Marks WHERE OrgCode = %(code)s AND MarkId = %(id)s"""
_UPDATE = f"""
UPDATE Marks SET MarkValue = %(mark)s, MarkText = %(mark)s::text, KindCode = 1, EditedAt = clock_timestamp() AT TIME ZONE '{ZONE_NAME}',
       ChangedAt = clock_timestamp() AT TIME ZONE '{ZONE_NAME}' WHERE OrgCode = %(code)s AND MarkId = %(id)s"""
_DELETE = f"""
WITH gone AS (DELETE FROM Marks WHERE OrgCode = %(code)s AND MarkId = %(id)s RETURNING *)
INSERT INTO JournalLog (OrgCode, LogId, YearId, MarkId, StudentId, EmployeeId, ActionCode, LoggedAt, OldValue, ChangedAt)
SELECT OrgCode, %(log)s, YearId, MarkId, StudentId, EmployeeId, 2, clock_timestamp() AT TIME ZONE '{ZONE_NAME}', MarkText,
       clock_timestamp() AT TIME ZONE '{ZONE_NAME}' FROM gone"""
_KINDS = ("insert", "update", "delete")
_SHARES = (45, 50, 5)


@dataclass(frozen=True)
class Written:
    """One committed transaction: the mark, what it reads now (empty: it is gone), when the commit returned (steady clock)."""

    key: str
    mark: str
    at: float


@dataclass
class Writing:
    """A writer at work in a process of its own."""

    process: subprocess.Popen[str]
    done: list[Written] = field(default_factory=list)
    cpu_s: float = 0.0

    def follow(self) -> threading.Thread:
        """Take down what it tells, in a thread."""
        thread = threading.Thread(target=self._follow, daemon=True)
        thread.start()
        return thread

    def _follow(self) -> None:
        for line in self.process.stdout or ():
            key, *rest = line.split()
            if key == "cpu":
                self.cpu_s = float(rest[0])
            else:
                self.done.append(Written(key, rest[0].strip("-"), float(rest[1])))


def start_writer(here: Ground, count: int, rate: float, seed: int) -> Writing:
    """Let the school of the ground work."""
    environ = {**os.environ, "BENCH_URL": here.school.write_url, "BENCH_CODE": here.school.spec.organisation}
    command = [sys.executable, "-m", "tests.bench.writer", str(count), str(rate), str(seed)]
    return Writing(subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True))


def _transactions(
    rng: random.Random, marks: list[tuple[int, str]], last: int, log: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and values of each transaction; when no untouched mark is left, inserts only."""
    rng.shuffle(marks)
    template = marks.pop()[0]
    while True:
        kind = rng.choices(_KINDS, _SHARES)[0] if marks else "insert"
        if kind == "insert":
            last += 1
            yield kind, {"id": template, "new": last, "mark": rng.randint(2, 5)}
            continue
        key, before = marks.pop()
        log += kind == "delete"
        yield kind, {"id": key, "log": log, "mark": rng.choice([mark for mark in (2, 3, 4, 5) if str(mark) != before])}


def main() -> None:
    """Write COUNT transactions at RATE a second."""
    count, rate, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    code = os.environ["BENCH_CODE"]
    with psycopg.connect(os.environ["BENCH_URL"], autocommit=True) as school:
        if not rate:
            school.execute("SET synchronous_commit = off")
        marks = school.execute(
            "SELECT MarkId, MarkText FROM Marks JOIN SchoolYears USING (OrgCode, YearId) WHERE OrgCode = %s AND NOT ClosedFlag ORDER BY 1",
            [code],
        ).fetchall()
        last = _number(school, "SELECT max(MarkId) FROM Marks WHERE OrgCode = %s", code)
        log = _number(school, "SELECT coalesce(max(LogId), 0) FROM JournalLog WHERE OrgCode = %s", code)
        statements = dict(zip(_KINDS, (_INSERT, _UPDATE, _DELETE), strict=True))
        work = _transactions(random.Random(seed), marks, last, log)
        cpu, started = time.process_time(), time.monotonic()
        for number in range(count):
            kind, values = next(work)
            if rate:
                time.sleep(max(0.0, started + number / rate - time.monotonic()))
            school.execute(statements[kind].encode(), {"code": code, **values}, prepare=True)
            told = "-" if kind == "delete" else f"-{values['mark']}"
            print(values.get("new", values["id"]), told, repr(time.monotonic()), flush=bool(rate))
    print("cpu", time.process_time() - cpu, flush=True)


def _number(school: psycopg.Connection[Any], sql: str, code: str) -> int:
    row = school.execute(sql.encode(), [code]).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
