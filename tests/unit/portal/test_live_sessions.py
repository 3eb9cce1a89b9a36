"""A page that stays open: it is told that the portal lives, and no more once its person has gone or sees other schools."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from portal.deps import SESSION_COOKIE
from portal.live import Hub, Piece, Snapshot, Topic
from portal.pages.schools import _while_signed_in
from proto.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

CITY = Topic("*", "", "ru")
OVER = "event: over\ndata: {}\n\n"


class Place:
    """What is to be seen: a number that a test turns."""

    def __init__(self) -> None:
        self.number = 0
        self.down = False

    def __call__(self, topics: frozenset[Topic]) -> Mapping[Topic, Snapshot]:
        if self.down:
            raise Problem("GOR-1801", cause="away")
        text = str(self.number)
        return dict.fromkeys(topics, Snapshot("12:00:00", {"rows": Piece(text, lambda: text)}))


class People:
    """The sessions: one token, or none once it has ended."""

    def __init__(self) -> None:
        self.open: Any = person("operator")
        self.asked: list[bool] = []

    def session(self, token: str, _now: datetime, *, touch: bool) -> Any:
        assert token == "t"
        self.asked.append(touch)
        return self.open


def person(role: str, *schools: str) -> Any:
    return SimpleNamespace(account=SimpleNamespace(role=role, schools=schools))


class Page:
    """An open page of somebody who signed in as an operator."""

    def __init__(self, place: Place, hub: Hub) -> None:
        self.place, self.hub, self.people = place, hub, People()
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        portal = SimpleNamespace(hub=hub, accounts=self.people, clock=lambda: self.now)
        caller: Any = SimpleNamespace(portal=portal, session=person("operator"))
        request: Any = SimpleNamespace(cookies={SESSION_COOKIE: "t"})
        self.messages: AsyncGenerator[str, None] = _while_signed_in(request, caller, CITY, "")

    async def next(self) -> str:
        return await asyncio.wait_for(anext(self.messages), 5)

    async def change(self, *, after_s: float) -> str:
        """What the page hears when something changes, so long after its last look."""
        self.now += timedelta(seconds=after_s)
        self.place.number += 1
        self.hub.wake()
        return await self.next()


@asynccontextmanager
async def watching(place: Place, poll_s: float = 3600) -> AsyncIterator[Hub]:
    hub = Hub(place, poll_s, 10)
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        hub.close()
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    place = Place()
    async with watching(place) as hub:
        opened = Page(place, hub)
        async with aclosing(opened.messages):
            await opened.next()
            yield opened


def rows(message: str) -> str:
    data = next(line for line in message.splitlines() if line.startswith("data: "))
    return str(json.loads(data.removeprefix("data: "))["pieces"]["rows"])


async def test_a_page_of_somebody_signed_in_hears_every_change(page: Page) -> None:
    assert [rows(await page.change(after_s=40)) for _change in range(3)] == ["1", "2", "3"]
    assert page.people.asked == [False, False, False], "an open page does not lengthen the session"


async def test_the_session_is_asked_for_at_most_twice_a_minute(page: Page) -> None:
    for _change in range(5):
        await page.change(after_s=10)
    assert len(page.people.asked) == 1


async def test_after_the_session_ended_nothing_more_is_shown(page: Page) -> None:
    page.people.open = None
    assert await page.change(after_s=40) == OVER
    with pytest.raises(StopAsyncIteration):
        await page.next()


@pytest.mark.parametrize("other", [person("analyst"), person("operator", "23-001")])
async def test_another_role_or_scope_ends_the_page_too(page: Page, other: Any) -> None:
    """What it shows was chosen for the rights of before."""
    page.people.open = other
    assert await page.change(after_s=40) == OVER


async def test_a_page_where_nothing_happens_hears_that_the_portal_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.live._BEAT_S", 0.05)
    place = Place()
    async with watching(place, poll_s=0.02) as hub:
        messages = hub.watch(CITY, "")
        async with aclosing(messages):
            first = [await asyncio.wait_for(anext(messages), 5)]
            beat = await asyncio.wait_for(anext(messages), 5)
    assert '"rows"' in first[0]
    assert '"pieces": {}' in beat
    assert "as_of" in beat


async def test_no_sign_of_life_is_given_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page then says by itself how old it is."""
    monkeypatch.setattr("portal.live._BEAT_S", 0.0)
    place = Place()
    async with watching(place, poll_s=0.01) as hub:
        messages = hub.watch(CITY, "")
        async with aclosing(messages):
            await asyncio.wait_for(anext(messages), 5)
            place.down = True
            await asyncio.sleep(0.2)  # a beat that was on its way
            heard = asyncio.create_task(anext(messages))
            while True:
                done, _waiting = await asyncio.wait([heard], timeout=0.5)
                if not done:
                    break
                heard = asyncio.create_task(anext(messages))
            place.down = False
            assert "as_of" in await asyncio.wait_for(heard, 5)
