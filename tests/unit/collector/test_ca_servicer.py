"""The enrolment service's small answers; whole calls are in the integration tests."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ca.servicer import caller_of, check_tls, for_outsiders, log_refusal, milliseconds, moment
from proto.problems import Problem
from tests.fix_ca import code_of


def test_a_caller_is_an_address_without_its_port():
    assert caller_of("ipv4:192.0.2.1:5555") == "ipv4:192.0.2.1"
    assert caller_of("ipv6:%5B::1%5D:5555") == "ipv6:%5B::1%5D"
    assert caller_of("unix") == "unix"


def test_tls_1_3_is_let_through():
    check_tls({"ssl_tls_version": [b"TLSv1.3"]})


@pytest.mark.parametrize(
    ("context", "version"),
    [({"ssl_tls_version": [b"TLSv1.2"]}, "TLSv1.2"), ({}, "plaintext"), ({"ssl_tls_version": []}, "plaintext")],
)
def test_older_encryption_and_none_are_refused(context: dict[str, list[bytes]], version: str):
    with pytest.raises(Problem) as problem:
        check_tls(context)
    assert (code_of(problem), problem.value.details["version"]) == ("GOR-1205", version)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001  the strategy adds the zone
def test_a_moment_survives_the_wire_to_the_millisecond(at: datetime):
    whole = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert moment(milliseconds(at)) == whole


@pytest.mark.parametrize("clock_ms", [2**63 - 1, -(2**63)])
def test_a_clock_outside_the_calendar_is_no_moment(clock_ms: int):
    assert moment(clock_ms) is None


def test_a_school_is_told_of_our_troubles_that_they_are_ours():
    told = for_outsiders(Problem("GOR-1801", cause="connection to 10.0.0.5 refused"))
    assert (told.code, told.details) == ("GOR-1206", {"cause": "GOR-1801"})
    assert for_outsiders(Problem("GOR-1103")).code == "GOR-1103"


def test_a_refusal_is_logged_with_school_and_caller(caplog: pytest.LogCaptureFixture):
    log_refusal(Problem("GOR-1111", school="42"), "ipv4:192.0.2.1")
    assert caplog.messages == ["refused GOR-1111 from ipv4:192.0.2.1, school 42"]
