"""A profile's SELECT as tokens: is it plain, which parameters does it name, what does it mention? Pure.

This check is the first of three fences: below it SQLite's authorizer and PostgreSQL's read-only session refuse everything but reading,
and below these the login has no right to write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORGANISATION: Final = "organisation"

_TOKEN: Final = re.compile(
    r"""
      (?P<string>  [eEnN]?'(?:''|[^'])*' )
    | (?P<dollar>  \$(?P<tag>[^\W\d]\w*|)\$ .*? \$(?P=tag)\$ )
    | (?P<quoted>  "(?:""|[^"])*" | `[^`]*` | \[[^\W\d][^\]\[]*\] )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<cast>    :: )
    | (?P<param>   :[^\W\d]\w* )
    | (?P<word>    [^\W\d][\w$]* )
    | (?P<number>  \d[\w.]* )
    | (?P<space>   \s+ )
    | (?P<sign>    . )
    """,
    re.VERBOSE | re.DOTALL,
)

# Words that a SELECT has no use for. Some are also functions (REPLACE) or harmless names when quoted.
_FORBIDDEN: Final = frozenset(
    "insert update delete merge drop alter create truncate grant revoke copy call do execute exec reset vacuum analyze attach detach"  # noqa: SIM905  a list to read
    " pragma reindex into begin commit rollback savepoint lock listen notify load declare fetch refresh cluster import".split()
)
_LOCKING: Final = frozenset({"update", "share", "no", "key"})


def tokens(sql: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token; together the texts are the whole of ``sql``."""
    for found in _TOKEN.finditer(sql):
        yield str(found.lastgroup if found.lastgroup != "tag" else "dollar"), found.group()


def parameters(sql: str) -> set[str]:
    """Names of the ``:parameters`` outside literals."""
    return {text[1:] for kind, text in tokens(sql) if kind == "param"}


def mentioned(sql: str) -> set[str]:
    """Every name and word, quoted or not, in lower case: a column that is not among them cannot leave."""
    words = {text.lower() for kind, text in tokens(sql) if kind == "word"}
    return words | {text[1:-1].lower() for kind, text in tokens(sql) if kind == "quoted"}


def substitute(sql: str, value: Callable[[str], str]) -> str:
    """The statement with every ``:name`` replaced by ``value(name)``; literals, quoted names and ``::`` casts stay as they are."""
    return "".join(value(text[1:]) if kind == "param" else text for kind, text in tokens(sql))


def fault(sql: str) -> str | None:
    """Why this is not one plain SELECT limited to one organisation, in a few words; None if it is."""
    parts = [(kind, text) for kind, text in tokens(sql) if kind not in ("space", "comment")]
    words = [text.lower() if kind == "word" else "" for kind, text in parts]
    if not words or words[0] not in ("select", "with"):
        return "SELECT"
    if any(text in (";", "'", '"', "\\") for kind, text in parts if kind == "sign"):
        return "; ' \" \\"
    if any(kind == "string" and text[0] in "eE" and "\\" in text for kind, text in parts):
        return "E'\\'"
    if any("/*" in text[2:] for kind, text in tokens(sql) if kind == "comment"):
        return "/* /*"
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in _FORBIDDEN or (word == "for" and following in _LOCKING):
            return word.upper()
    return _parameter_fault(sql)


def _parameter_fault(sql: str) -> str | None:
    named = parameters(sql)
    if ORGANISATION not in named:
        return f":{ORGANISATION}"
    return next((f":{name}" for name in sorted(named - {ORGANISATION})), None)
