"""The authority's own memory: nothing told is lost, nothing torn is believed."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ca.log import Event, IssuedEvent, IssueLog, RevokedEvent, UsedEvent
from tests.fix_ca import START

ISSUED = IssuedEvent(START, "00a1", "42", b"\x30\x82der", None)
RENEWED = IssuedEvent(START + timedelta(days=60), "00a2", "42", b"\x30\x82der2", "00a1")
USED = UsedEvent(START, b"\x00digest", "42", b"key")
REVOKED = RevokedEvent(START + timedelta(days=70), "00a1", "42")
ALL = [ISSUED, USED, RENEWED, REVOKED]


@pytest.fixture
def log(tmp_path: Path) -> IssueLog:
    return IssueLog(tmp_path / "issued.log")


def test_events_come_back_as_they_were_and_in_their_order(log: IssueLog):
    for event in ALL:
        log.append(event)
    assert list(log.events()) == ALL


def test_a_log_that_does_not_exist_is_empty(log: IssueLog):
    assert list(log.events()) == []


def test_the_log_is_for_its_owner_alone(log: IssueLog, tmp_path: Path):
    log.append(ISSUED)
    assert (tmp_path / "issued.log").stat().st_mode & 0o777 == 0o600


@given(cut=st.integers(1, 400), later=st.sampled_from(ALL))
def test_a_line_torn_by_a_power_cut_takes_no_other_with_it(
    tmp_path_factory: pytest.TempPathFactory, cut: int, later: Event
):
    path = tmp_path_factory.mktemp("log") / "issued.log"
    log = IssueLog(path)
    for event in ALL:
        log.append(event)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    survived = list(log.events())
    log.append(later)
    assert survived == ALL[: len(survived)]
    assert len(survived) >= whole[: max(0, len(whole) - cut)].count(b"\n")
    assert list(log.events()) == [*survived, later]


def test_two_programs_may_append_to_one_log(log: IssueLog, tmp_path: Path):
    other = IssueLog(tmp_path / "issued.log")
    for event in ALL:
        log.append(event)
        other.append(event)
    assert list(log.events()) == [event for event in ALL for _ in range(2)]


@pytest.mark.parametrize(
    "line",
    [b"null", b"[]", b"{}", b'{"kind": "issued"}', b'{"kind": "else", "at": 1}', b'{"kind": "revoked", "at": "x"}'],
)
def test_a_line_that_is_no_event_is_left_out(log: IssueLog, tmp_path: Path, line: bytes):
    (tmp_path / "issued.log").write_bytes(line + b"\n")
    log.append(REVOKED)
    assert list(log.events()) == [REVOKED]
