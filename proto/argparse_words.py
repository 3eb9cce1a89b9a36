"""What argparse itself says, marked for our catalogue: help and mistakes in a command line are told in the reader's language too."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from proto.texts import _

if TYPE_CHECKING:
    import gettext

SAID: Final = (
    _("usage: "),
    _("options"),
    _("positional arguments"),
    _("show this help message and exit"),
    _("show program's version number and exit"),
    _("argument %(argument_name)s: %(message)s"),
    _("the following arguments are required: %s"),
    _("unrecognized arguments: %s"),
    _("invalid choice: %(value)r (choose from %(choices)s)"),
    _("invalid %(type)s value: %(value)r"),
    _("expected one argument"),
    _("expected at most one argument"),
    _("expected at least one argument"),
    _("ignored explicit argument %r"),
    _("not allowed with argument %s"),
)


def speak(words: gettext.NullTranslations) -> None:
    """From now on argparse uses this catalogue; by itself it would ask the environment, which does not know ``--lang``."""
    vars(argparse).update(_=words.gettext, ngettext=words.ngettext)
