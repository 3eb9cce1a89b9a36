"""Example settings files and the page of all settings, rendered from the programs' own tables: ``python -m install.examples``.

Every key stands there commented out with its default, so that a file copied as it is changes nothing.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from proto.texts import translations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proto.settings import Setting

PROGRAMS: Final = ("agent", "collector", "portal")
PAGE: Final = Path(__file__).parent / "SETTINGS.md"
FOLDER: Final = Path(__file__).parent / "config"

_PAGE: Final = """\
# Settings · Настройки

Written by `python -m install.examples` from the programs' own tables. The file holds `key = value` in TOML; the environment wins over it;
`config` shows what is in force. Файл хранит `ключ = значение` в TOML; переменные окружения сильнее файла; действующее показывает `config`.
"""
_HEAD: Final = """\
# gorod-{program}: every setting with its default. Copy to /etc/gorod/{program}.toml and uncomment what you change.
# GOROD_{shout}_<KEY> in the environment wins over this file; `gorod-{program} config` shows what is in force.
# Written by `python -m install.examples` from the program's own table.
"""


def table(program: str) -> Sequence[Setting]:
    """The settings table of a program."""
    settings: Sequence[Setting] = import_module(f"{program}.config").SETTINGS
    return settings


def render(program: str, settings: Sequence[Setting]) -> str:
    """The example file of a program."""
    blocks = (f"# {_meaning(setting)}\n# {setting.key} = {_literal(setting.default)}\n" for setting in settings)
    return "\n".join([_HEAD.format(program=program, shout=program.upper()), *blocks])


def _meaning(setting: Setting) -> str:
    facts = [
        setting.unit,
        f"at least {setting.minimum:g}" if setting.minimum is not None else "",
        f"one of {', '.join(setting.choices)}" if setting.choices else "",
        "secret" if setting.secret else "",
    ]
    told = "; ".join(filter(None, facts))
    return f"{setting.help.rstrip('.')} ({told})." if told else f"{setting.help.rstrip('.')}."


def _literal(value: Any) -> str:
    """A value as TOML writes it; what has no default is shown empty."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps("" if value is None else str(value), ensure_ascii=False)


def path(program: str) -> Path:
    """Where the example of a program lies."""
    return FOLDER / f"{program}.example.toml"


def page() -> str:
    """Every setting of every program as a page in both languages."""
    return _PAGE + "".join(_section(program) for program in PROGRAMS)


def _section(program: str) -> str:
    russian = translations("ru").gettext
    rows = (
        f"| `{one.key}` | {_default(one)} | {_cell(one.help)} | {_cell(russian(one.help))} |\n"
        for one in table(program)
    )
    head = "| setting | default | meaning | смысл |\n|---|---|---|---|\n"
    return (
        f"\n## gorod-{program}\n\n`/etc/gorod/{program}.toml`, `GOROD_{program.upper()}_<KEY>`\n\n{head}{''.join(rows)}"
    )


def _default(setting: Setting) -> str:
    return f"`{_literal(setting.default)}` {setting.unit}".strip()


def _cell(text: str) -> str:
    return text.rstrip(".").replace("|", "\\|")


def main() -> None:
    """Write the examples of all programs, and the page."""
    for program in PROGRAMS:
        path(program).write_text(render(program, table(program)), "utf-8")
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
