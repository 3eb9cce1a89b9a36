"""The style sheet as browsers get it: without the blanks and comments that it has for its readers here (pure)."""

from __future__ import annotations

import re
from typing import Final

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLANKS: Final = re.compile(r"\s+")
_AROUND: Final = re.compile(r" ?([{};,>]) ?")


def compact(css: str) -> str:
    """The same rules in fewer bytes. A colon keeps the blank before it: ``a :hover`` is not ``a:hover``; texts in quotes hold no blanks to lose."""
    joined = _BLANKS.sub(" ", _COMMENT.sub("", css))
    return _AROUND.sub(r"\1", joined).replace(": ", ":").replace(";}", "}").strip()
