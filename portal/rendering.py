"""Templates to pages: the environment, what every page is given, and static files by the hash of their content."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from collector.store.account_tables import PERSON_ROLES
from portal import addresses, names, navigation, overview, security
from portal.words import LANGUAGES, Words
from proto import __version__
from proto.problems import next_step_of, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from starlette.requests import Request

    from collector.store.health import SchoolHealth
    from collector.store.sessions import Session
    from portal.config import Config
    from portal.ports import Card

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"
STYLE: Final = "portal.css"
LANGUAGE_COOKIE: Final = "gorod_lang"
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Page:
    """What every page knows of its reader and its moment."""

    words: Words
    now: datetime
    session: Session | None = None
    address: str = "/"
    query: tuple[tuple[str, str], ...] = ()

    @property
    def next(self) -> str:
        """Where the reader wanted to go before signing in."""
        return dict(self.query).get("next", "")

    def link(self, **changes: str) -> str:
        """This address with other parameters; an empty one leaves the address."""
        merged = {**dict(self.query), **changes}
        return self.address + ("?" + urlencode({k: v for k, v in merged.items() if v}) if any(merged.values()) else "")


class Renderer:
    """Turns templates into HTML; one for the life of the process."""

    def __init__(self, config: Config, routes: Collection[str] = ()) -> None:
        """`routes`: paths of the application's pages; the navigation leads to these only."""
        self.config, self.routes = config, routes
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.globals.update(
            version=__version__,
            child_address=addresses.child,
            key_in_address=addresses.key_in_address,
            static=self._static,
            level_of=overview.level_of,
            levels=overview.LEVELS,
            problem_text=text_of,
            problem_next=next_step_of,
            signs=names.SIGNS,
            columns=names.COLUMNS,
            role_names=names.ROLES,
            family_roles=PERSON_ROLES,
            absence_names=names.ABSENCES,
            viewing_names=names.VIEWINGS,
            absence_tones=names.ABSENCE_TONES,
            level_names=names.LEVELS,
            filter_names=names.FILTERS,
            state_names=names.STATES,
            kind_names=names.KINDS,
            entity_names=names.ENTITIES,
            event_names=names.EVENTS,
            codes_by=security.CODES_BY,
            provider=config.provider.name if config.provider else "",
            kept_days=config.kept_s // _DAY_S,
        )

    def html(self, template: str, page: Page, **values: Any) -> str:
        """The template filled in, in the language of the page's reader."""
        return self._environment.get_template(template).render(self._shared(page) | values)

    def summary(self, schools: Sequence[SchoolHealth], page: Page) -> str:
        """The opening of the first page."""
        stale = overview.nothing_arrives(schools, self.config.late_s, page.now)
        said = overview.sentence(schools, page.words, page.now) if schools else ""
        return self.html("summary.html", page, schools=schools, sentence=said, stale=stale).strip()

    def row(self, school: SchoolHealth, page: Page) -> str:
        """One school's rows of the table on the first page."""
        return self.html("school_row.html", page, school=school).strip()

    def card(self, card: Card, page: Page) -> str:
        """The part of a school's own page that changes."""
        return self.html("school_card.html", page, **self.card_values(card, page.words)).strip()

    def card_values(self, card: Card, words: Words) -> dict[str, Any]:
        """What the template of a school's card needs."""
        meanings = {name: (words.gettext(head), words.gettext(meaning)) for name, head, meaning in names.COLUMNS}
        school = card.school
        stamps = {"fresh": school.fresh_at, "complete": school.complete_at, "stored": school.stored_at}
        return {"card": card, "school": school, "proofs": [(*meanings[name], at) for name, at in stamps.items()]}

    def _shared(self, page: Page) -> dict[str, Any]:
        words = page.words
        return {
            "page": page,
            "words": words,
            "now": page.now,
            "_": words.gettext,
            "ngettext": words.ngettext,
            "heads": {name: words.gettext(head) for name, head, _ in names.COLUMNS},
            "organisation": self.config.names[words.lang],
            "sections": self._sections(page),
            "has_page": self.routes.__contains__,
            "languages": LANGUAGES,
            "ago_words": json.dumps(words.ago_words(), ensure_ascii=False),
            "csrf": masked_token(page.session),
            "reload_s": self.config.reload_s,
        }

    def _sections(self, page: Page) -> tuple[navigation.Link, ...]:
        if page.session is None or page.session.stage != "open":
            return ()
        account = page.session.account
        return navigation.links(account.role, account.schools, page.address, self.routes)

    def _static(self, name: str) -> str:
        return f"/static/{name}?{self._hashes[name]}"

    @cached_property
    def _hashes(self) -> Mapping[str, str]:
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in STATIC.iterdir() if file.is_file()
        }


def masked_token(session: Session | None) -> str:
    """The form token of a session for one page."""
    return "" if session is None else security.masked(session.csrf, secrets.token_bytes(len(session.csrf)))


def language_of(request: Request) -> str:
    """The language that the address asks for, else the one chosen before, else Russian."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in LANGUAGES:
            return asked
    return LANGUAGES[0]


def respond(html: str, status: int = 200) -> HTMLResponse:
    """A page that no cache keeps: it is one reader's own."""
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})
