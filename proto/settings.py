"""Settings of a program as one table: name, default, unit, help. The command ``config``, the example files and the docs print it.

Values come from the TOML file, over it from the environment (``GOROD_<PROGRAM>_<KEY>``). They are checked whole, at start.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRUE = frozenset({"1", "true", "yes", "on"})
_PASSWORD = re.compile(r"(://[^/:@\s]*:).*(?=@)|([?&]password=)[^&]*")
_FALSE = frozenset({"0", "false", "no", "off"})
_WRITTEN_AS = {int: (int,), float: (int, float), Path: (Path,)}
"""Types of a file's values beside text, by kind of setting."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``kind`` is str, int, float, bool or Path; ``help`` is an English sentence, translated where it is shown."""

    key: str
    default: Any
    help: str
    unit: str = ""
    kind: type = str
    secret: bool = False
    minimum: float | None = None
    choices: tuple[str, ...] = ()

    def env(self, program: str) -> str:
        """Name of the environment variable that overrides the file."""
        return f"GOROD_{program.upper()}_{self.key.upper()}"


def load(program: str, table: Sequence[Setting], file: Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Checked value of every setting of the table.

    Raises:
        Problem: the file cannot be read (GOR-1001), a key is unknown (GOR-1002), a value does not fit (GOR-1003).
    """
    found = _read(file) if file else {}
    known = {setting.key: setting for setting in table}
    for key in found:
        if key not in known:
            raise Problem("GOR-1002", key=key, file=file)
    values = {}
    for setting in table:
        raw = environ.get(setting.env(program), found.get(setting.key, setting.default))
        values[setting.key] = setting.default if raw is None else _convert(setting, raw)
    return values


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Problem("GOR-1001", file=file, cause=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem("GOR-1001", file=file, cause=error) from error


def _convert(setting: Setting, raw: Any) -> Any:
    shown = "…" if setting.secret else raw
    try:
        value = _boolean(raw) if setting.kind is bool else setting.kind(_written(setting.kind, raw))
    except (ValueError, TypeError) as error:
        raise Problem("GOR-1003", key=setting.key, value=shown, cause=setting.kind.__name__) from error
    if setting.minimum is not None and not value >= setting.minimum:  # so NaN is refused too
        raise Problem("GOR-1003", key=setting.key, value=shown, cause=f"≥ {setting.minimum:g}")
    if setting.choices and value not in setting.choices:
        raise Problem("GOR-1003", key=setting.key, value=shown, cause=" | ".join(setting.choices))
    return value


def _written(kind: type, raw: Any) -> Any:
    """The value as file or environment wrote it; TypeError if a file wrote another kind."""
    if isinstance(raw, bool) or not isinstance(raw, (str, *_WRITTEN_AS.get(kind, ()))):
        raise TypeError(raw)
    return raw


def _boolean(raw: Any) -> bool:
    text = str(raw).lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError(text)


def describe(program: str, table: Sequence[Setting], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of ``config --json``; secrets are masked."""
    return [
        {
            "key": setting.key,
            "env": setting.env(program),
            "value": _shown(setting, values[setting.key]),
            "default": _shown(setting, setting.default),
            "unit": setting.unit,
            "help": setting.help,
        }
        for setting in table
    ]


def _shown(setting: Setting, value: Any) -> Any:
    if setting.secret and value:
        return "***"
    if isinstance(value, str) and "://" in value:
        return _PASSWORD.sub(r"\1\2***", value)
    return str(value) if isinstance(value, Path) else value
