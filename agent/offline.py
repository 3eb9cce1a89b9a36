"""Commands beside the running agent: they read the source or the state, and never disturb the service."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agent.config import Config
from agent.health import STATUS_FILE
from agent.sources.factory import open_source
from agent.state.database import FileLock
from agent.transport.identity import IdentityFolder
from agent.wiring import IDENTITY_FOLDER, LOCK_FILE, choose_profile, options
from proto.problems import Problem, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.profile import Profile
    from agent.sources.base import Source


@contextmanager
def opened_source(config: Config, profile: str | None = None) -> Iterator[tuple[Source, Profile]]:
    """The source of the settings, open, with the profile of the settings or the named one."""
    chosen = choose_profile(Config(config.data, {**config.values, "profile": profile}) if profile else config)
    organisation, zone = "", "Europe/Moscow"
    try:
        facts = IdentityFolder(config.data / IDENTITY_FOLDER).load().facts
        organisation, zone = facts.organisation, facts.zone
    except Problem as problem:
        if problem.code != "GOR-1107" or not config.source_organisation:
            raise
    source = open_source(options(config, organisation, zone, chosen))
    try:
        source.connect()
        yield source, chosen
    finally:
        source.close()


@contextmanager
def surveyed_source(config: Config) -> Iterator[Source]:
    """The source of the settings, open, to be described: it needs neither an identity nor a profile, which come after the survey."""
    source = open_source(options(config, "", "Europe/Moscow", None))
    try:
        source.connect()
        yield source
    finally:
        source.close()


def status_of(data: Path, lang: str) -> dict[str, Any]:
    """What the agent last said of itself; if no agent runs now, that is said instead of an old connection.

    Raises:
        Problem: GOR-1107, it was never enrolled.
    """
    identity = IdentityFolder(data / IDENTITY_FOLDER).load()
    path = data / STATUS_FILE
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        told = _never_ran(identity.facts.school)
    told["certificate_days"] = (identity.not_after - datetime.now(UTC)).days
    if not _runs(data):
        told["connected"] = False
        if told.get("problem") is None:
            told["state"] = "offline"
            told["problem"] = _silent(path, lang)
    return told


def _runs(data: Path) -> bool:
    lock = FileLock(data / LOCK_FILE)
    try:
        lock.acquire()
    except Problem:
        return True
    lock.release()
    return False


def _silent(path: Path, lang: str) -> dict[str, Any]:
    """GOR-1705 with the age of the last sign."""
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else datetime.now(UTC)
    details = {"minutes": str(round((datetime.now(UTC) - at).total_seconds() / 60))}
    return {**as_json("GOR-1705", lang, details, at), "details": details}


def _never_ran(school: str) -> dict[str, Any]:
    return {
        "school": school,
        "state": "offline",
        "connected": False,
        "epoch": "",
        "acked_seq": 0,
        "outbox_rows": 0,
        "outbox_bytes": 0,
        "last_change_seen": None,
        "fresh_at": None,
        "complete_at": None,
        "stored_at": None,
        "differences": 0,
        "held": 0,
        "quarantined": 0,
        "paused_entities": [],
        "certificate_days": 0,
        "clock_offset_s": None,
        "problem": None,
    }
