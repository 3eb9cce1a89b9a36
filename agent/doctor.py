"""``gorod-agent doctor``: everything that could be wrong here, each check with its remedy; and a bundle for the department, without secrets."""

from __future__ import annotations

import json
import platform
import shutil
import sqlite3
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from agent import profile_check
from agent.config import SETTINGS
from agent.health import STATUS_FILE
from agent.sources.factory import open_source
from agent.transport.identity import IdentityFolder
from agent.transport.probe import ask, check_answer, choose_proxy
from agent.wiring import IDENTITY_FOLDER, STATE_FILE, choose_profile, options
from proto import __version__
from proto.limits import CLOCK_SKEW_S
from proto.problems import Problem
from proto.settings import describe
from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.config import Config
    from agent.profile import Profile
    from agent.sources.base import Source
    from agent.transport.identity import Identity

_MB: Final = 1 << 20
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, how it is, and what to do if it is not well."""

    name: str
    ok: bool
    text: str
    next: str | None = None

    def as_json(self) -> dict[str, Any]:
        """A row of the contract."""
        return {"name": self.name, "ok": self.ok, "text": self.text, "next": self.next}


class Doctor:
    """Runs every check that the ones before it allow. Texts in ``lang``; ``text`` translates."""

    def __init__(self, config: Config, lang: str, text: Callable[[str], str]) -> None:
        self._config, self._lang, self._text = config, lang, text
        self.checks: list[Check] = []

    def run(self) -> list[Check]:
        """All checks, in the order in which a person would mend them."""
        self._check("data.write", self._data)
        identity = self._check("identity", self._identity)
        profile = self._check("profile", self._profile)
        source = self._check("source.open", lambda: self._open(identity, profile)) if identity and profile else None
        if source is not None:
            self._check("source.read", lambda: self._read(source))
            self._check("source.identity", lambda: self._origin(source))
            self._check("profile.fits", lambda: self._fits(source, profile))
            source.close()
        if identity is not None:
            self._check("certificate", lambda: self._certificate(identity))
            self._check("connection.enrol", lambda: self._reach(identity, identity.facts.enrol_address))
            self._check("connection.sync", lambda: self._reach(identity, identity.facts.sync_address))
        self._check("clock", self._clock)
        return self.checks

    def _check(self, name: str, look: Callable[[], tuple[Any, str]]) -> Any:
        """The look's result, None if it met a problem; either way a row."""
        try:
            result, text = look()
        except Problem as problem:
            self.checks.append(
                Check(
                    name,
                    ok=False,
                    text=f"{problem.code}: {problem.text(self._lang)}",
                    next=problem.next_step(self._lang),
                )
            )
            return None
        self.checks.append(Check(name, ok=True, text=text))
        return result

    def _data(self) -> tuple[bool, str]:
        data = self._config.data
        try:
            probe = data / ".doctor"
            probe.write_bytes(b"")
            probe.unlink()
            free = shutil.disk_usage(data).free // _MB
        except OSError as error:
            raise Problem("GOR-1005", path=data, cause=error.strerror) from error
        if free < self._config.disk_floor_mb:
            raise Problem("GOR-1701", free=free, needed=self._config.disk_floor_mb)
        return True, self._text(_("{free} MB free in {path}")).format(free=free, path=data)

    def _identity(self) -> tuple[Identity, str]:
        identity = IdentityFolder(self._config.data / IDENTITY_FOLDER).load()
        return identity, self._text(_("enrolled as {school}")).format(school=identity.facts.school)

    def _profile(self) -> tuple[Profile, str]:
        profile = choose_profile(self._config)
        return profile, f"{profile.name} {profile.version}, {len(profile.entities)}"

    def _open(self, identity: Identity, profile: Profile) -> tuple[Source, str]:
        source = open_source(options(self._config, identity.facts.organisation, identity.facts.zone, profile))
        source.connect()
        return source, source.engine

    def _read(self, source: Source) -> tuple[bool, str]:
        survey = source.describe(counts=False)
        return True, self._text(_("{count} tables can be read")).format(count=len(survey.tables))

    def _origin(self, source: Source) -> tuple[str, str]:
        origin = source.origin()
        return origin.identity, origin.identity

    def _fits(self, source: Source, profile: Profile) -> tuple[bool, str]:
        found = profile_check.check(profile, source)
        first = next((problem for entity in found.entities for problem in entity.problems), None)
        if first is not None:
            raise first
        return True, self._text(_("mapping checked: {passed} of {total}")).format(
            passed=found.passed, total=len(found.entities)
        )

    def _certificate(self, identity: Identity) -> tuple[bool, str]:
        left = (identity.not_after - datetime.now(UTC)).days
        if left < 0:
            raise Problem("GOR-1116", days=-left)
        return True, self._text(_("{days} days left")).format(days=left)

    def _reach(self, identity: Identity, address: str) -> tuple[bool, str]:
        answer = ask(address, choose_proxy(address, self._config.proxy), _TIMEOUT_S)
        check_answer(answer, identity.ca)
        return True, f"{address}, {answer.version}"

    def _clock(self) -> tuple[float, str]:
        """The offset that the agent measured when it was last connected."""
        try:
            offset = json.loads((self._config.data / STATUS_FILE).read_text("utf-8")).get("clock_offset_s")
        except (OSError, ValueError):
            offset = None
        if offset is None:
            return 0.0, self._text(_("not compared yet: the agent has not been connected"))
        if abs(offset) > CLOCK_SKEW_S:
            raise Problem("GOR-1114", difference=f"{offset:+.0f} s")
        return offset, f"{offset:+.1f} s"


def bundle(config: Config, checks: list[Check], path: Path) -> None:
    """Checks, settings (secrets masked), versions and sizes as a ZIP file. No row, no name, no key is in it."""
    state = config.data / STATE_FILE
    about = {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "state_bytes": state.stat().st_size if state.exists() else 0,
    }
    status = config.data / STATUS_FILE
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("about.json", _json(about))
            archive.writestr("checks.json", _json([check.as_json() for check in checks]))
            archive.writestr("config.json", _json(describe("agent", SETTINGS, config.values)))
            if status.exists():
                archive.write(status, "status.json")
    except OSError as error:
        raise Problem("GOR-1021", path=path, cause=error.strerror) from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
