"""Words that pages of a school's staff and of the department say for what the store calls by short names: message ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proto.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

REASONS: Final[Mapping[str, str]] = {
    "two": _("a “2”: %(subject)s"),
    "one_three": _("the only “3”: %(subject)s"),
    "one_four": _("the only “4”: %(subject)s"),
    "falling": _("marks fall by %(decimal)s"),
    "absent_10": _("%(decimal)s %% of lessons missed without a reason"),
    "absent_20": _("%(decimal)s %% of lessons missed without a reason, more than a fifth"),
}
"""Why a pupil is on the risk list; reasons that are counted speak in class_view."""

RISKS: Final[Mapping[str, str]] = {
    "": _("All"),
    "two": _("With a “2”"),
    "one_three": _("With one “3”"),
    "one_four": _("With one “4”"),
    "falling": _("Marks fall"),
    "absence": _("Absences"),
    "debts": _("Debts"),
}
"""Filters of the risk list."""

LACKS: Final[Mapping[str, str]] = {
    "topic": _("no topic"),
    "attendance": _("no attendance"),
    "both": _("no topic, no attendance"),
    "few_marks": _("few marks"),
}
"""What an entry of a journal is without."""

CHANGES: Final[Mapping[str, str]] = {
    "cancelled": _("cancelled"),
    "moved": _("moved"),
    "distance": _("at a distance"),
    "substitute": _("substitution"),
    "extra": _("not in the timetable"),
}
"""What is out of the ordinary with a lesson."""

GROUP_KINDS: Final[Mapping[str, str]] = {
    "class": _("whole class"),
    "subgroup": _("subgroup"),
    "iup": _("individual plan"),
    "extra": _("extra lessons"),
    "addl": _("further education"),
}

WORKERS: Final[Mapping[str, str]] = {
    "": _("All"),
    "teacher": _("Teachers"),
    "class_teacher": _("Class teachers"),
    "deputy": _("Deputies"),
    "secretary": _("Secretaries"),
    "head": _("Heads"),
    "sysadmin": _("System administrators"),
    "none": _("Without an account"),
    "never": _("Never signed in"),
}
"""Filters of a school's workers."""

DUTIES: Final[Mapping[str, str]] = {
    "netschool": _("Keeping NetSchool"),
    "quality": _("Timely and true data"),
    "personal_data": _("Protection of personal data"),
    "access": _("Access of workers and codes"),
    "network": _("Server, network and the agent"),
}
"""For what a school names somebody."""

EXTENTS: Final[Mapping[str, str]] = {
    "-": _("nothing"),
    "own": _("the own ones"),
    "group": _("the own groups"),
    "class": _("the own class and groups"),
    "school": _("the whole school"),
    "city": _("the whole city"),
}
"""How far a role sees."""

PAGE_GROUPS: Final[Mapping[str, str]] = {
    "first": _("First page"),
    "children": _("Pages of a child"),
    "diary": _("Diary"),
    "marks": _("Marks"),
    "attendance": _("Attendance"),
    "timetable": _("Timetable"),
    "announcements": _("Announcements"),
    "today": _("Today"),
    "journals": _("Journals"),
    "gaps": _("Gaps"),
    "lessons": _("Lessons"),
    "class": _("My class"),
    "classes": _("Classes"),
    "day": _("My school today"),
    "access": _("Access"),
    "codes": _("Access codes"),
    "schools": _("Synchronisation"),
    "sync": _("Synchronisation"),
    "visits": _("Visits"),
    "visits.csv": _("Visits, table"),
    "accounts": _("Accounts"),
    "audit": _("Audit"),
    "account": _("Own account"),
}
"""Groups of pages, as visits count them."""

VISITS_BY: Final[Mapping[str, str]] = {
    "day": _("Day"),
    "school": _("School"),
    "role": _("Role"),
    "page_group": _("Group of pages"),
}
VISITS_HEAD: Final = (_("Told apart by"), _("Which"), _("People"), _("Pages"))

FIRST_VISIT: Final[Mapping[str, str]] = {
    "people": _("at the school"),
    "with_code": _("got a code"),
    "with_account": _("made an account"),
    "signed_in": _("signed in"),
    "came_back": _("came back on another day"),
}
"""Steps on the way to the portal."""

PEOPLE: Final[Mapping[str, str]] = {"pupil": _("Pupils"), "parent": _("Parents"), "staff": _("Staff")}

AUDIT: Final[Mapping[str, str]] = {
    "signed_in": _("signed in"),
    "refused": _("was refused at the sign-in"),
    "activated": _("used a code up"),
    "password_changed": _("changed the password"),
    "person_added": _("added a child"),
    "code_issued": _("made a code"),
    "code_reissued": _("made a code anew"),
    "code_revoked": _("revoked a code"),
    "account_added": _("account was added"),
    "role_changed": _("role was changed"),
    "account_disabled": _("account was closed"),
    "account_reset": _("password was reset"),
    "factor_added": _("added the second step"),
    "factor_removed": _("removed the second step"),
    "recovery_codes_made": _("made recovery codes"),
    "recovery_code_used": _("used a recovery code"),
    "session_ended": _("ended a session"),
    "provider_linked": _("linked another way in"),
    "provider_removed": _("removed another way in"),
    "card_viewed": _("looked at a card"),
    "exported": _("took data out"),
    "responsible_named": _("named who answers for something"),
}
"""Kinds of what people did."""
