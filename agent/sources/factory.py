"""Opens the source that a URL names; the driver is loaded only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proto.problems import Problem

if TYPE_CHECKING:
    from agent.sources.base import Options, Source


def open_source(options: Options) -> Source:
    """The source for ``options.url``, not yet connected.

    Raises:
        Problem: an engine that is not known (GOR-1308), or whose driver is not installed (GOR-1014).
    """
    scheme = options.url.partition(":")[0].partition("+")[0]
    if scheme == "sqlite":
        from agent.sources.sqlite import SqliteSource

        return SqliteSource(options)
    if scheme in ("postgresql", "postgres"):
        try:
            from agent.sources.postgres import PostgresSource
        except ImportError as error:
            raise Problem("GOR-1014", part="postgres") from error
        return PostgresSource(options)
    raise Problem("GOR-1308", engine=scheme)
