"""The watcher behind pages that update themselves: what is sent, to whom, when, and what is not."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager

import pytest

from portal.live import Hub, Piece, Snapshot, TooMany, Topic
from proto.problems import Problem

CITY = Topic("*", "", "ru")
SCHOOL = Topic("23-001", "", "ru")


class Source:
    """Snapshots out of a dictionary; counts how often it was asked."""

    def __init__(self, **content: str) -> None:
        self.content = content
        self.asked: list[frozenset[Topic]] = []
        self.rendered: list[str] = []
        self.down = False

    def __call__(self, topics: frozenset[Topic]) -> Mapping[Topic, Snapshot]:
        """The same content for every topic."""
        self.asked.append(topics)
        if self.down:
            raise Problem("GOR-1801", cause="refused")
        return dict.fromkeys(topics, self.snapshot())

    def snapshot(self) -> Snapshot:
        """The content of now."""
        return Snapshot(
            "12:02:11", {name: Piece(value, lambda name=name: self._html(name)) for name, value in self.content.items()}
        )

    def _html(self, name: str) -> str:
        self.rendered.append(name)
        return f"<p>{self.content[name]}</p>"


@asynccontextmanager
async def watching(source: Source, poll_s: float = 3600, viewers: int = 10) -> AsyncGenerator[Hub, None]:
    """A running watcher."""
    hub = Hub(source, poll_s, viewers)
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        hub.close()
        task.cancel()
        await asyncio.wait([task])


async def pieces(messages: AsyncGenerator[str, None]) -> dict[str, str]:
    """The parts in the next message."""
    message = await asyncio.wait_for(anext(messages), 5)
    data = next(line for line in message.splitlines() if line.startswith("data: "))
    found: dict[str, str] = json.loads(data.removeprefix("data: "))["pieces"]
    return found


async def opened(hub: Hub, source: Source, topic: Topic = CITY) -> AsyncGenerator[str, None]:
    """An open page that knows what is."""
    messages = hub.watch(topic, source.snapshot().fingerprint)
    assert await anext(messages) == "retry: 2000\n\n"
    return messages


async def settle(hub: Hub, source: Source) -> None:
    """Wait until the watcher has looked."""
    before = len(source.asked)
    hub.wake()
    async with asyncio.timeout(5):
        while len(source.asked) == before:  # noqa: ASYNC110  the source is asked in a thread, which has no event to set
            await asyncio.sleep(0.01)


async def test_a_change_reaches_an_open_page_and_only_what_changed_is_sent():
    source = Source(a="1", b="2")
    async with watching(source) as hub, aclosing(await opened(hub, source)) as messages:
        waiting = asyncio.create_task(pieces(messages))
        await settle(hub, source)
        source.content["b"] = "3"
        hub.wake()
        assert await waiting == {"b": "<p>3</p>"}
        assert source.rendered == ["b"]


async def test_without_an_announcement_a_change_is_found_by_polling():
    source = Source(a="1")
    async with watching(source, poll_s=0.05) as hub, aclosing(await opened(hub, source)) as messages:
        waiting = asyncio.create_task(pieces(messages))
        await settle(hub, source)
        source.content["a"] = "2"
        assert await waiting == {"a": "<p>2</p>"}


async def test_a_page_that_knows_an_older_state_gets_all_of_it_first():
    source = Source(a="1", b="2")
    async with watching(source) as hub, aclosing(hub.watch(CITY, "older")) as messages:
        assert await pieces(messages) == {"a": "<p>1</p>", "b": "<p>2</p>"}


async def test_a_page_that_knows_what_is_gets_nothing_at_first():
    source = Source(a="1")
    async with watching(source) as hub, aclosing(await opened(hub, source)) as messages:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.2)


async def test_nothing_is_read_while_no_page_is_open():
    source = Source(a="1")
    async with watching(source, poll_s=0.01) as hub:
        hub.wake()
        await asyncio.sleep(0.3)
        assert source.asked == []
        async with aclosing(await opened(hub, source)) as messages:
            waiting = asyncio.create_task(anext(messages))
            await settle(hub, source)
            waiting.cancel()
            await asyncio.wait([waiting])
        asked = len(source.asked)
        await asyncio.sleep(0.3)
        assert len(source.asked) <= asked + 1


async def test_many_pages_of_one_topic_are_read_for_once():
    source = Source(a="1")
    async with watching(source) as hub:
        streams = [await opened(hub, source) for _ in range(5)]
        waiting = [asyncio.create_task(pieces(messages)) for messages in streams]
        await settle(hub, source)
        source.content["a"] = "2"
        await settle(hub, source)
        assert await asyncio.gather(*waiting) == [{"a": "<p>2</p>"}] * 5
        assert source.asked[-1] == {CITY}
        await close(streams)


async def close(streams: Iterable[AsyncGenerator[str, None]]) -> None:
    """End streams."""
    for messages in streams:
        await messages.aclose()


async def test_topics_are_kept_apart():
    source = Source(a="1")
    async with watching(source) as hub:
        streams = [await opened(hub, source, topic) for topic in (CITY, SCHOOL)]
        waiting = [asyncio.create_task(pieces(messages)) for messages in streams]
        await settle(hub, source)
        assert source.asked[-1] == {CITY, SCHOOL}
        source.content["a"] = "2"
        await settle(hub, source)
        await asyncio.gather(*waiting)
        await close(streams)


async def test_more_open_pages_than_allowed_are_refused():
    source = Source(a="1")
    async with watching(source, viewers=1) as hub, aclosing(await opened(hub, source)):
        assert (hub.viewers, hub.full) == (1, True)
        with pytest.raises(TooMany):
            await anext(hub.watch(CITY, ""))


async def test_a_page_that_is_closed_is_forgotten():
    source = Source(a="1")
    async with watching(source) as hub:
        messages = await opened(hub, source)
        await messages.aclose()
        assert hub.viewers == 0


async def test_a_page_that_does_not_read_is_cut_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("portal.live._BACKLOG", 3)
    source = Source(a="0")
    async with watching(source) as hub:
        slow, quick = await opened(hub, source), await opened(hub, source)
        reading = asyncio.create_task(_until(quick, "6"))
        for number in range(1, 7):
            source.content["a"] = str(number)
            await settle(hub, source)
        await reading
        assert await asyncio.wait_for(_rest(slow), 5) == []
        await quick.aclose()


async def _until(messages: AsyncGenerator[str, None], content: str) -> None:
    while await pieces(messages) != {"a": f"<p>{content}</p>"}:
        pass


async def test_when_the_database_is_away_it_is_told_once_and_pages_come_back(caplog: pytest.LogCaptureFixture):
    source = Source(a="1")
    with caplog.at_level(logging.WARNING):
        async with watching(source, poll_s=0.01) as hub, aclosing(await opened(hub, source)) as messages:
            waiting = asyncio.create_task(pieces(messages))
            await settle(hub, source)
            source.down = True
            for _ in range(3):
                await settle(hub, source)
            source.down, source.content["a"] = False, "2"
            assert await waiting == {"a": "<p>2</p>"}
    assert len([record for record in caplog.records if "GOR-1801" in record.message]) == 1


async def test_closing_ends_every_stream():
    source = Source(a="1")
    async with watching(source) as hub:
        messages = await opened(hub, source)
        waiting = asyncio.create_task(_rest(messages))
        await settle(hub, source)
        hub.close()
        assert await asyncio.wait_for(waiting, 5) == []
        with pytest.raises(TooMany):
            await anext(hub.watch(CITY, ""))


async def _rest(messages: AsyncGenerator[str, None]) -> list[str]:
    return [message async for message in messages]


def test_equal_content_has_the_same_fingerprint_in_every_process():
    assert Source(a="1", b="2").snapshot().fingerprint == Source(b="2", a="1").snapshot().fingerprint
    assert Source(a="1").snapshot().fingerprint != Source(a="2").snapshot().fingerprint
