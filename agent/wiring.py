"""The composition of an agent: the only place that names concrete parts.

DATA/agent.toml     settings, written by ``enrol``
DATA/identity/      key, certificate, facts about the school
DATA/profile.toml   the profile that the department sent
DATA/state.sqlite   what the centre holds, and what is on the way
DATA/status.json    how the running agent is
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent import profile as profiles
from agent.capture import Capture, Terms
from agent.seal import EnvelopeSealer
from agent.sources.base import Options
from agent.sources.factory import open_source
from agent.state.database import FileLock
from agent.state.store import StateStore
from agent.transport.identity import IdentityFolder
from agent.transport.ports import Facts
from proto import __version__
from proto.problems import Problem

if TYPE_CHECKING:
    from cryptography import x509

    from agent.config import Config
    from agent.profile import Profile
    from agent.sources.base import Source
    from agent.transport.identity import Identity

_LOG = logging.getLogger(__name__)
PROFILE_FILE: Final = "profile.toml"
STATE_FILE: Final = "state.sqlite"
LOCK_FILE: Final = "state.lock"
IDENTITY_FOLDER: Final = "identity"


def now_ms() -> int:
    """The agent's clock, milliseconds since 1970-01-01T00:00Z: the one place that asks for it."""
    return time.time_ns() // 1_000_000


def options(config: Config, organisation: str, zone: str, profile: Profile | None) -> Options:
    """How the source is opened.

    Raises:
        Problem: GOR-1006 when no source is set.
    """
    if not config.source_url:
        raise Problem("GOR-1006", key="source_url", env="GOROD_AGENT_SOURCE_URL")
    names = {name for entity in profile.entities for name in entity.tables} if profile else set()
    return Options(
        url=config.source_url,
        organisation=config.source_organisation or organisation,
        zone=zone,
        password=config.password,
        tables=tuple(sorted(names)),
        lock_timeout_s=config.lock_timeout_s,
        statement_timeout_s=config.statement_timeout_s,
        hint_overlap_s=config.hint_overlap_s,
    )


def choose_profile(config: Config) -> Profile:
    """The profile of the settings, else the one that the department sent.

    Raises:
        Problem: GOR-1401, 1402, 1404.
    """
    return profiles.load(config.profile or config.data / PROFILE_FILE)


def check_signature(toml: bytes, signature: bytes, ca: x509.Certificate, name: str) -> None:
    """Whether the department's authority signed the profile; Problem GOR-1409 if not."""
    key = ca.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        try:
            key.verify(signature, toml, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise Problem("GOR-1409", profile=name) from error
        return
    raise Problem("GOR-1409", profile=name)


@dataclass(slots=True)
class Parts:
    """An agent put together, not yet running."""

    config: Config
    folder: IdentityFolder
    identity: Identity
    lock: FileLock
    store: StateStore
    sealer: EnvelopeSealer
    source: Source
    profile: Profile
    capture: Capture

    def facts(self) -> Facts:
        """What Hello tells of program, source and profile."""
        life = self.capture.life
        return Facts(
            agent_version=__version__,
            identity=self.store.get("found_identity") or (life.identity if life else ""),
            incarnation=life.name if life else "",
            profile=self.profile.name,
            profile_hash=self.profile.hash,
            schema_fingerprint=str(self.store.get("schema_fingerprint", "")),
            health_mode=self.config.health_mode,
        )

    def use_profile(self, toml: bytes) -> None:
        """Read with another profile from now on: hints and the last full sweep are void."""
        self.profile = profiles.parse(toml)
        facts = self.identity.facts
        self.source.close()
        self.source = open_source(options(self.config, facts.organisation, facts.zone, self.profile))
        self.capture = _capture(self.config, self.source, self.profile, self.store, self.sealer, facts.fingerprint_key)

    def close(self) -> None:
        """Let go of everything."""
        self.source.close()
        self.store.close()
        self.lock.release()


def build(config: Config) -> Parts:
    """Open state, identity, profile and source of an enrolled agent.

    Raises:
        Problem: GOR-1107 not enrolled, 1703 already running, 14xx the profile, 1308 the source's engine.
    """
    folder = IdentityFolder(config.data / IDENTITY_FOLDER)
    identity = folder.load()
    profile = choose_profile(config)
    source = open_source(options(config, identity.facts.organisation, identity.facts.zone, profile))
    lock = FileLock(config.data / LOCK_FILE)
    lock.acquire()
    with ExitStack() as failing:
        failing.callback(lock.release)
        store = StateStore(config.data / STATE_FILE)
        failing.pop_all()
    store.put(envelope_bytes=config.envelope_bytes)
    if store.database.set_aside is not None:
        lost = Problem("GOR-1702", path=store.database.set_aside.name)
        _LOG.warning("%s", lost)
        store.note_event("state_lost", lost.details, now_ms())
    sealer = EnvelopeSealer(store, identity, now_ms)
    capture = _capture(config, source, profile, store, sealer, identity.facts.fingerprint_key)
    return Parts(config, folder, identity, lock, store, sealer, source, profile, capture)


def _capture(
    config: Config, source: Source, profile: Profile, store: StateStore, sealer: EnvelopeSealer, key: bytes
) -> Capture:
    return Capture(source, profile, store, sealer, Terms(key, config.health_mode), now_ms)


def toml_text(values: dict[str, Any]) -> str:
    """Settings as a TOML file. JSON's texts are TOML's, but for one character that TOML wants escaped."""
    texts = {name: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") for name, value in values.items()}
    return "".join(f"{name} = {text}\n" for name, text in texts.items())
