"""``gorod-agent enrol``: read the source, use the code, keep what the department answers. May be repeated after any failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from agent import profile as profiles
from agent.config import BESIDE
from agent.sources.base import Options
from agent.sources.factory import open_source
from agent.state.store import StateStore
from agent.transport.enrol import AgentFacts, Way, enrol
from agent.transport.identity import IdentityFolder
from agent.transport.probe import choose_proxy
from agent.wiring import IDENTITY_FOLDER, PROFILE_FILE, STATE_FILE, check_signature, toml_text
from proto import __version__
from proto.enrolment import parse_code
from proto.files import private_folder, write_atomic
from proto.problems import Problem
from proto.sync.v1 import sync_pb2

if TYPE_CHECKING:
    from pathlib import Path

    from agent.transport.enrol import Enrolled

_UNKNOWN_SCHEMA: Final = "GOR-1410"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the sysadmin gave. ``password_file``: of the database login."""

    code: str
    source_url: str
    password: str = ""
    password_file: str = ""
    profile: str = ""
    organisation: str = ""
    proxy: str = ""


def refuse_password(url: str) -> None:
    """A password in argv can be read by every user of the machine: Problem GOR-1004."""
    try:
        secret = urlsplit(url).password
    except ValueError as error:
        raise Problem("GOR-1010", value="--source", cause=error) from error
    if secret:
        raise Problem("GOR-1004")


async def run(data: Path, wish: Wish) -> Enrolled:
    """Enrol; writes identity, profile and ``agent.toml`` into the data folder.

    Raises:
        Problem: 13xx the source, 14xx the profile, 11xx the code and certificates, 12xx the connection.
    """
    private_folder(data)
    profile = profiles.load(wish.profile) if wish.profile else None
    source = open_source(Options(wish.source_url, wish.organisation, password=wish.password))
    try:
        schema = source.describe(counts=False).fingerprint
        identity = source.origin().identity if wish.organisation else ""
    finally:
        source.close()
    folder = IdentityFolder(data / IDENTITY_FOLDER)
    facts = AgentFacts(__version__, identity, schema, wish.profile)
    try:
        way = Way(choose_proxy(parse_code(wish.code).address, wish.proxy))
        enrolled = await enrol(folder, wish.code, facts, lambda: datetime.now(UTC), way)
        chosen = _keep_profile(data, wish, enrolled, profile, schema)
    except Problem as problem:
        if problem.code == _UNKNOWN_SCHEMA and not (data / BESIDE).exists():
            _keep_settings(data, wish, wish.profile)  # the next step, ``profile survey``, needs the source's address
        raise
    _keep_settings(data, wish, chosen)
    _keep_state(data, enrolled, schema)
    return enrolled


def _keep_profile(data: Path, wish: Wish, enrolled: Enrolled, given: profiles.Profile | None, schema: str) -> str:
    """The profile to read with: the given one, else the department's; returns what ``agent.toml`` says."""
    if given is not None:
        return wish.profile
    sent = enrolled.profile
    if sent is None or not sent.toml:
        raise Problem(_UNKNOWN_SCHEMA, fingerprint=schema)
    check_signature(sent.toml, sent.signature, enrolled.identity.ca, sent.name)
    profiles.parse(sent.toml)
    write_atomic(data / PROFILE_FILE, sent.toml)
    return ""


def _keep_settings(data: Path, wish: Wish, profile: str) -> None:
    """``agent.toml``, so that the other commands need nothing but ``--data``. A password is kept here (0600) only if it came without a file."""
    values: dict[str, Any] = {
        "source_url": wish.source_url,
        "source_password_file": wish.password_file,
        "source_password": "" if wish.password_file else wish.password,
        "source_organisation": wish.organisation,
        "profile": profile,
        "proxy": wish.proxy,
    }
    write_atomic(data / BESIDE, toml_text({name: value for name, value in values.items() if value}).encode())


def _keep_state(data: Path, enrolled: Enrolled, schema: str) -> None:
    """What the first connection needs: the sealing key, and the schema that the profile was chosen for."""
    store = StateStore(data / STATE_FILE)
    try:
        settings = sync_pb2.Settings.FromString(enrolled.settings)
        store.put(sealing_key=settings.sealing_key or None, schema_fingerprint=schema)
    finally:
        store.close()
