"""An agent's data folder as enrolment leaves it, made without a department: identity, profile, settings."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from agent.transport.identity import IdentityFolder, SchoolFacts
from agent.wiring import IDENTITY_FOLDER, PROFILE_FILE, toml_text
from collector.ca.authority import Authority

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_demo import Demo

SCHOOL = "23-042"


@dataclass(frozen=True)
class EnrolledFolder:
    """The folder, and the authority behind its certificate."""

    data: Path
    authority: Authority
    source: Path


@pytest.fixture
def enrolled_folder(school: Demo, tmp_path: Path) -> EnrolledFolder:
    """Enrolled as 23-042 at a department that nobody answers for, beside an SQLite source."""
    data, now = tmp_path / "Агент школы", datetime.now(UTC)
    data.mkdir()
    authority = Authority.create(tmp_path / "ca", now)
    folder = IdentityFolder(data / IDENTITY_FOLDER)
    facts = SchoolFacts(SCHOOL, "Europe/Moscow", school.organisation, "127.0.0.1:9", "127.0.0.1:9", b"f" * 32)
    key = folder.pending_key()
    folder.store(
        authority.issue_school(SCHOOL, key.public_key(), now, timedelta(days=90)), authority.certificate, facts
    )
    with resources.as_file(resources.files("agent") / "profiles" / "demo.toml") as profile:
        shutil.copy(profile, data / PROFILE_FILE)
    (data / "agent.toml").write_text(toml_text({"source_url": school.url}), "utf-8")
    return EnrolledFolder(data, authority, tmp_path)
