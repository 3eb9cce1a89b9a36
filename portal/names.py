"""Words for what the sync protocol names by machine words: entities, kinds of events, roles, states (message ids)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTITIES: Final[Mapping[str, str]] = {
    "organization": _("organisations"),
    "academic_year": _("school-years"),
    "term": _("terms"),
    "class": _("classes"),
    "subject": _("subjects"),
    "teaching_group": _("teaching groups"),
    "person": _("persons"),
    "pupil": _("pupils"),
    "legal_representative": _("representatives"),
    "representation": _("representations"),
    "staff": _("staff"),
    "teaching_assignment": _("teaching assignments"),
    "enrollment": _("enrolments"),
    "group_membership": _("members of groups"),
    "bell_slot": _("bells"),
    "timetable_slot": _("timetable"),
    "lesson": _("lessons"),
    "assignment_type": _("kinds of assignments"),
    "assignment": _("assignments"),
    "mark": _("marks"),
    "attendance_event": _("attendance"),
    "period_result": _("term results"),
    "movement_order": _("orders of movement"),
    "movement_line": _("lines of orders"),
    "announcement": _("announcements"),
    "journal_change": _("changes of the journal"),
    "source_visit": _("visits to NetSchool"),
    "illness_count": _("counts of illness"),
}

EVENTS: Final[Mapping[str, str]] = {
    "restored": _("The school's database was restored from a copy; everything is compared anew"),
    "identity": _("The source is another database than the recorded one; nothing of it is applied"),
    "profile": _("Another profile of the source is in use"),
    "health_mode": _("The handling of health data was changed"),
    "drift": _("The tables of the source have changed"),
    "adopted": _("The agent took over the department's state and goes on from there"),
    "year_closed": _("A school-year was closed"),
    "year_opened": _("A school-year was opened again"),
    "hints": _("The source forgot its hints; everything is compared anew"),
    "state_lost": _("The agent's state file was damaged and is rebuilt from the department's"),
    "epoch": _("A new epoch began; both sides are compared"),
    "refused": _("An enrolment or renewal was refused"),
    "attack": _("Something that does not belong to this school was refused"),
    "damaged": _("A stored row is not what its hash says"),
    "revoked": _("The school's certificates were revoked"),
    "resync": _("The department asked for a full comparison"),
    "rows_confirmed": _("The department let held rows go"),
    "identity_confirmed": _("The department confirmed the new source"),
}

ROLES: Final[Mapping[str, str]] = {
    "pupil": _("pupil"),
    "parent": _("parent"),
    "teacher": _("teacher"),
    "class_teacher": _("class teacher"),
    "deputy": _("deputy head"),
    "secretary": _("secretary"),
    "head": _("head of school"),
    "sysadmin": _("school system administrator"),
    "operator": _("duty operator"),
    "analyst": _("analyst"),
    "security": _("security officer"),
    "admin": _("administrator"),
}

LEVELS: Final[Mapping[str, str]] = {
    "ok": _("in order"),
    "late": _("late"),
    "silent": _("silent"),
    "error": _("error"),
    "new": _("not connected"),
}

FILTERS: Final[Mapping[str, str]] = {
    "": _("All"),
    "ok": _("In order"),
    "late": _("Late"),
    "silent": _("Silent"),
    "error": _("With an error"),
    "new": _("Not connected"),
}

SIGNS: Final[Mapping[str, str]] = {"ok": "✓", "late": "!", "silent": "?", "error": "×", "new": "–"}

STATES: Final[Mapping[str, str]] = {
    "syncing": _("data are being loaded"),
    "adopting": _("is being compared anew"),
    "paused": _("reading is paused"),
    "offline": _("no connection"),
}

KINDS: Final[Mapping[str, str]] = {"addl_edu": _("further education")}

COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("name", _("School"), _("Its name and number at the department.")),
    ("state", _("State"), _("Whether the school is heard of in time and without a problem.")),
    ("fresh", _("Fresh"), _("Up to this moment everything that changed at the school has been read and received.")),
    (
        "complete",
        _("Complete"),
        _("At this moment a full sweep of the school's database began, after which both sides were found equal."),
    ),
    ("stored", _("Stored"), _("Up to this moment what the department has stored was read again and found undamaged.")),
    ("rows", _("Rows"), _("Rows of the school that the department holds.")),
    ("backlog", _("Backlog"), _("Changed rows that wait at the school to be sent.")),
    ("differences", _("Differing"), _("Kinds of data in which the last comparison found both sides unequal.")),
    (
        "quarantine",
        _("Quarantine"),
        _("Rows that the department cannot hold as they are; a corrected version replaces them."),
    ),
    ("held", _("Held"), _("Kinds of data that wait for the department's confirmation or are not read for now.")),
    ("change", _("Change"), _("When the school last had a change of its data.")),
    ("delay", _("Delay"), _("From reading the last change at the school to storing it here.")),
    ("agent", _("Agent"), _("Version of the program at the school.")),
    ("certificate", _("Certificate"), _("Days until the school's certificate expires; it renews itself.")),
)
"""Columns of the first page: name in addresses, head, meaning."""

RELATIONS: Final[Mapping[str, str]] = {
    "mother": _("mother"),
    "father": _("father"),
    "relative": _("relative"),
    "adoptive": _("adoptive parent"),
    "step": _("step-parent"),
    "guardian": _("guardian"),
    "trustee": _("trustee"),
}

ABSENCES: Final[Mapping[str, tuple[str, str]]] = {
    "УП": (_("excused"), _("with a valid reason")),
    "Б": (_("ill"), _("because of illness")),
    "НП": (_("unexcused"), _("without a valid reason")),
    "ОТ": (_("absent"), _("the reason is not given yet")),
    "ОП": (_("late for the lesson"), _("came late")),
    "ОСВ": (_("exempt"), _("freed from the lesson")),
    "ПР": (_("present"), _("corrected: was at the lesson")),
}
"""Code of attendance → the word that a page shows, what it means."""

ABSENCE_TONES: Final[Mapping[str, str]] = {
    "УП": "",
    "Б": "",
    "НП": "bad",
    "ОТ": "late",
    "ОП": "late",
    "ОСВ": "",
    "ПР": "",
}

VIEWINGS: Final[Mapping[str, str]] = {
    "card_viewed": _("opened the pupil's card"),
    "exported": _("took the data out as a file"),
}
"""What somebody did with the data of a person, as the person reads it."""
