"""What open pages are sent: the parts of the first page and of a school's card that change, for each topic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from portal import names, overview
from portal.live import Piece, Snapshot, Topic
from portal.rendering import Page, Renderer
from portal.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from datetime import datetime

    from collector.store.health import SchoolHealth
    from portal.ports import Card, Reader

_LAST_SEEN_SHOWN: Final = frozenset({"silent", "late", "error"})
_NOT_SHOWN: Final[Mapping[str, Any]] = {
    "connected": False,
    "epoch": None,
    "acked_seq": 0,
    "outbox_bytes": 0,
    "source_rows": None,
    "clock_offset_s": None,
}


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The source of the hub: reads each scope once, and says of each part what its content is and how it looks."""

    reader: Reader
    renderer: Renderer
    clock: Callable[[], datetime]

    def __call__(self, topics: frozenset[Topic]) -> Mapping[Topic, Snapshot]:
        """The snapshots of the topics."""
        now = self.clock()
        scopes = {topic.scope for topic in topics if not topic.school}
        lists = {scope: self.reader.schools(scope, now) for scope in scopes}
        cards = {
            (topic.scope, topic.school): self.reader.card(topic.scope, topic.school, now)
            for topic in topics
            if topic.school
        }
        return {
            topic: self._of_card(cards[topic.scope, topic.school], topic, now)
            if topic.school
            else self.of_list(lists[topic.scope], topic.lang, now)
            for topic in topics
        }

    def of_list(self, schools: Sequence[SchoolHealth], lang: str, now: datetime) -> Snapshot:
        """The first page: opening sentence, counts, a piece per school."""
        page = self._page(lang, now)
        summary = self.renderer.summary(schools, page)
        pieces = {"summary": Piece(summary, lambda: summary)}
        found = {"": len(schools), **overview.counts(schools)}
        for state in names.FILTERS:
            html = partial(self.renderer.html, "count.html", page, state=state, number=found[state])
            pieces[f"count-{state or 'all'}"] = Piece(found[state], html)
        for school in schools:
            pieces[f"school-{school.school}"] = Piece(_content(school), partial(self.renderer.row, school, page))
        return Snapshot(page.words.clock_seconds(now), pieces)

    def of_card(self, card: Card, lang: str, now: datetime) -> Snapshot:
        """A school's own page: one piece."""
        page = self._page(lang, now)
        content = (_content(card.school), card.events, card.batches)
        return Snapshot(
            page.words.clock_seconds(now), {"card": Piece(repr(content), partial(self.renderer.card, card, page))}
        )

    def _of_card(self, card: Card | None, topic: Topic, now: datetime) -> Snapshot:
        if card is None:
            return Snapshot(self._page(topic.lang, now).words.clock_seconds(now), {})
        return self.of_card(card, topic.lang, now)

    def _page(self, lang: str, now: datetime) -> Page:
        return Page(Words(lang, self.renderer.config.timezone), now)


def _content(school: SchoolHealth) -> Hashable:
    """What of a school is seen: a sign of life alone changes nothing on the page."""
    level = overview.level_of(school)
    seen = school.last_seen if level in _LAST_SEEN_SHOWN else None
    return level, repr(replace(school, last_seen=seen, **_NOT_SHOWN))
