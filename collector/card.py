"""What a school is told with its certificate: keys, zone, organisation, addresses, settings, the profile that fits its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.ca.ports import Card, CardProfile, CardRequest
from collector.department import Department, utc_now
from collector.store import profiles, schools
from proto.problems import Problem

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.ingest.settings import DepartmentSettings
    from collector.store.schools import School


class SchoolCards:
    """A :class:`collector.ca.ports.SchoolCard` over the store. ``addresses``: where this collector can be dialled."""

    def __init__(
        self, department: Department, settings: DepartmentSettings, sync_address: str, enrol_address: str
    ) -> None:
        self._department, self._settings = department, settings
        self._sync_address, self._enrol_address = sync_address, enrol_address

    def use_enrol_address(self, address: str) -> None:
        """The enrolment listener got its port."""
        self._enrol_address = address

    def __call__(self, request: CardRequest) -> Card:
        """The card.

        Raises:
            Problem: GOR-1011 no such school, 1111 its access has ended, 1410 no profile fits its schema, 1604 another source than the
                recorded one. The code is not spent: it can be used again when that is mended.
        """
        opened = self._department
        with opened.database.begin(scope="*", school=request.school) as connection:
            school = schools.get(connection, request.school)
            if school.revoked_at is not None:
                raise Problem("GOR-1111", school=school.id)
            ours = not request.identity or schools.record_identity(connection, school.id, request.identity)
            if not ours:
                # Committed before we refuse: the department may confirm it.
                schools.offer_identity(connection, school.id, request.identity)
            chosen = None if request.renewal or not ours else self._profile(connection, school, request)
        if not ours:
            raise Problem("GOR-1604", recorded=school.identity or "", found=request.identity, school=school.id)
        with opened.database.school(request.school) as raw:
            told = self._settings.read(raw, request.school, utc_now())
        return Card(
            fingerprint_key=opened.keys.fingerprint_key(school.id),
            zone=school.zone,
            organisation=school.organisation,
            sync_address=self._sync_address,
            enrol_address=self._enrol_address,
            settings=told.SerializeToString(),
            profile=chosen,
        )

    @staticmethod
    def _profile(connection: Connection, school: School, request: CardRequest) -> CardProfile | None:
        """The profile that the department chose for the school, else the one that fits its schema; noted as the school's."""
        if request.profile:
            return None
        found = profiles.get(connection, school.profile) if school.profile else None
        found = found or profiles.fitting(connection, request.schema_fingerprint)
        if found is None:
            raise Problem("GOR-1410", fingerprint=request.schema_fingerprint, school=school.id)
        schools.set_profile(connection, school.id, found.name)
        return CardProfile(found.name, found.toml, found.signature)
