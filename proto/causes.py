"""Causes inside problems that people read often: marked here for the catalogue, shown in the reader's language by :mod:`proto.problems`.

Where a cause is raised it stays English, so that logs and the wire have one spelling. What is not listed is shown as it is.
"""

from __future__ import annotations

from typing import Final

CAUSE: Final = "cause"
"""Context of these messages in the catalogue."""


def pgettext(context: str, message: str) -> str:
    """Mark a cause for the catalogue."""
    del context
    return message


KNOWN: Final = (
    # The operating system's words.
    pgettext("cause", "No such file or directory"),
    pgettext("cause", "Permission denied"),
    pgettext("cause", "Operation not permitted"),
    pgettext("cause", "Is a directory"),
    pgettext("cause", "Not a directory"),
    pgettext("cause", "File exists"),
    pgettext("cause", "Read-only file system"),
    pgettext("cause", "No space left on device"),
    pgettext("cause", "Input/output error"),
    pgettext("cause", "Connection refused"),
    pgettext("cause", "Connection reset by peer"),
    pgettext("cause", "Network is unreachable"),
    pgettext("cause", "No route to host"),
    pgettext("cause", "Name or service not known"),
    pgettext("cause", "Temporary failure in name resolution"),
    pgettext("cause", "timed out"),
    # Ours.
    pgettext("cause", "a school needs a name"),
    pgettext("cause", "letters, digits and . _ - are allowed, 64 of them"),
    pgettext("cause", "no such time zone"),
    pgettext("cause", "no other source was offered"),
    pgettext("cause", "there is no such entity"),
    pgettext("cause", "a number of rows is expected"),
    pgettext("cause", "the two entries differ"),
    pgettext("cause", "a code looks like GOR-1207"),
    pgettext("cause", "an id or --all is expected"),
    pgettext("cause", "the schools are not complete"),
    pgettext("cause", "no free connection"),
    pgettext("cause", "32 bytes in base64 are expected"),
    pgettext("cause", "missing"),
    pgettext("cause", "timeout"),
    pgettext("cause", "size"),
    pgettext("cause", "form"),
    pgettext("cause", "key"),
    pgettext("cause", "signature"),
    pgettext("cause", "proof"),
    pgettext("cause", "old_key"),
    pgettext("cause", "certificate"),
    pgettext("cause", "replaced"),
)
