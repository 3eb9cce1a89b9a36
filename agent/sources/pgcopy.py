"""Rows out of PostgreSQL by ``COPY (SELECT …) TO STDOUT``: each row's bytes as the server wrote them, parsed only when asked for.

Three times as many rows a second as fetching values, and the bytes are what "unchanged" is decided by.
"""

from __future__ import annotations

import select
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from psycopg import errors, pq

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import Connection
    from psycopg.pq.abc import PGresult

    from agent.sources.query import Key

_NULL: Final = b"\\N"
_END: Final = -1
_NOT_YET: Final = 0
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def copy_rows(connection: Connection[Any], statement: str) -> list[bytes]:
    """Run ``statement`` and return its rows in COPY's text format, without line ends.

    Raises:
        psycopg.Error: as the driver's own cursor would; the connection is then ready for the next statement or closed.
    """
    begin_copy(connection, statement)
    return finish_copy(connection)


def begin_copy(connection: Connection[Any], statement: str) -> None:
    """Let the server begin; nothing else can be asked on this connection before :func:`finish_copy`."""
    link = connection.pgconn
    link.send_query(f"COPY (\n{statement}\n) TO STDOUT".encode())
    while link.flush():
        select.select([link.socket], [link.socket], [])
        link.consume_input()


def finish_copy(connection: Connection[Any]) -> list[bytes]:
    """The rows of the statement that was begun; see :func:`copy_rows`."""
    link = connection.pgconn
    while link.is_busy():
        select.select([link.socket], [], [])  # without the interpreter's lock, unlike a blocking read
        link.consume_input()
    first = link.get_result()
    lines = _drain(connection) if first is not None and first.status == pq.ExecStatus.COPY_OUT else None
    final = link.get_result() if lines is not None else first
    while (more := link.get_result()) is not None:
        final = final or more
    if lines is None or final is None or final.status != pq.ExecStatus.COMMAND_OK:
        raise _error(connection, final)
    return lines


def ask(connection: Connection[Any], statement: str) -> list[tuple[str | None, ...]]:
    """Run a statement of a few small rows and return their values as texts; a tenth of the work of a cursor."""
    return _texts(connection, connection.pgconn.exec_(statement.encode()))


class Prepared:
    """Statements of our own that run many times a minute: planned once per connection, a quarter of the server's work."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._names: dict[str, bytes] = {}

    def ask(self, statement: str, values: Sequence[str] = ()) -> list[tuple[str | None, ...]]:
        """Run the statement, its ``$1``, ``$2`` … given as texts."""
        link = self._connection.pgconn
        name = self._names.get(statement)
        if name is None:
            name = b"gorod_%d" % len(self._names)
            result = link.prepare(name, statement.encode())
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise _error(self._connection, result)
            self._names[statement] = name
        return _texts(self._connection, link.exec_prepared(name, [value.encode() for value in values]))


def _texts(connection: Connection[Any], result: PGresult) -> list[tuple[str | None, ...]]:
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise _error(connection, result)
    cells = [[result.get_value(row, place) for place in range(result.nfields)] for row in range(result.ntuples)]
    return [tuple(None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in row) for row in cells]


def _drain(connection: Connection[Any]) -> list[bytes]:
    link = connection.pgconn
    lines: list[bytes] = []
    append, read = lines.append, link.get_copy_data
    while True:
        length, data = read(1)
        if length > 0:
            append(bytes(data)[:-1])
        elif length == _NOT_YET:
            select.select([link.socket], [], [])
            link.consume_input()
        else:
            return lines


def _error(connection: Connection[Any], result: PGresult | None) -> Exception:
    if result is None:
        return errors.OperationalError("the connection was lost")
    return errors.error_from_result(result, encoding=connection.info.encoding)


def unescape(data: bytes) -> str | None:
    """One value of COPY's text format."""
    if data == _NULL:
        return None
    return unescape_text(data.decode("utf-8", "surrogateescape"))


def unescape_text(text: str) -> str:
    """The same of a value that is decoded already and is not NULL."""
    if "\\" not in text:
        return text
    first, *rest = text.split("\\")
    parts, literal = [first], False
    for part in rest:
        if literal:
            parts.append(part)
            literal = False
        elif part:
            parts.append(_ESCAPES.get(part[0], part[0]) + part[1:])
        else:
            parts.append("\\")
            literal = True
    return "".join(parts)


def parse_row(line: bytes) -> tuple[str | None, ...]:
    """Values of one row, as texts."""
    if b"\\" in line:
        return tuple(map(unescape, line.split(b"\t")))
    try:
        return tuple(line.decode().split("\t"))
    except UnicodeDecodeError:
        return tuple(map(unescape, line.split(b"\t")))


def parse_columns(lines: Sequence[bytes]) -> list[Sequence[str | None]]:
    """Values of many rows, column by column: decoded and split at once, escapes looked at only in the columns that have any."""
    if not lines:
        return []
    try:
        text = b"\t".join(lines).decode()
    except UnicodeDecodeError:
        return list(zip(*map(parse_row, lines), strict=True))
    cells, width = text.split("\t"), lines[0].count(b"\t") + 1
    columns = cast("list[Sequence[str | None]]", [cells[place::width] for place in range(width)])
    escapes = text.count("\\")
    if not escapes:
        return columns
    return list(map(_nulls if escapes == text.count("\\N") else _unescape_column, columns))


def _nulls(column: Sequence[str | None]) -> Sequence[str | None]:
    """A column that has no other escapes."""
    return [None if value == "\\N" else value for value in column] if "\\N" in column else column


def _unescape_column(column: Sequence[Any]) -> Sequence[str | None]:
    escapes = "".join(column).count("\\")
    if not escapes:
        return column
    if escapes == column.count("\\N"):
        return [None if value == "\\N" else value for value in column]
    return [None if value == "\\N" else unescape_text(value) for value in column]


@dataclass(slots=True)
class CopyRows:
    """Rows as the server wrote them; see :class:`agent.sources.page.Rows`."""

    raw: list[bytes]
    parse: Callable[[Sequence[bytes]], list[Sequence[Any]]] = field(default=parse_columns)

    def __len__(self) -> int:
        return len(self.raw)

    def column(self, place: int) -> list[str | None]:
        """See :class:`agent.sources.page.Rows`."""
        if place == 0:
            cells = [line.partition(b"\t")[0] for line in self.raw]
        else:
            cells = [line.split(b"\t", place + 1)[place] for line in self.raw]
        joined = b"\t".join(cells)
        if b"\\" in joined or not joined.isascii():
            return list(map(unescape, cells))
        return cast("list[str | None]", joined.decode().split("\t")) if cells else []

    def cells(self, row: int, places: Sequence[int]) -> Key:
        """See :class:`agent.sources.page.Rows`."""
        values = parse_row(self.raw[row])
        return tuple(values[place] or "" for place in places)

    def trimmed(self, width: int) -> CopyRows:
        """See :class:`agent.sources.page.Rows`."""
        if not self.raw or self.raw[0].count(b"\t") < width:
            return self
        extra = self.raw[0].count(b"\t") + 1 - width
        return CopyRows([line.rsplit(b"\t", extra)[0] for line in self.raw])
