"""Who gets a certificate: the judgements alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from collector.core.issuance import (
    Attempts,
    Code,
    Fresh,
    Policy,
    Repeat,
    check_clock,
    judge_code,
    read_certificate,
    read_request,
)
from proto.problems import Problem
from tests.fix_ca import START, code_of, new_key, request_for

POLICY = Policy()
CODE = Code(b"digest", "42", START, START + timedelta(days=14))
USED = replace(CODE, used_at=START + timedelta(days=1), csr_key=b"key")


def test_a_code_in_time_is_good():
    assert judge_code(CODE, b"key", START, POLICY) == Fresh("42")


def test_a_used_code_answers_its_own_key_within_the_window():
    assert judge_code(USED, b"key", START + timedelta(days=2), POLICY) == Repeat("42")


@pytest.mark.parametrize(
    ("code", "key", "days", "expected"),
    [
        (None, b"key", 0, "GOR-1102"),
        (USED, b"another", 1, "GOR-1103"),
        (USED, b"key", 2.001, "GOR-1103"),
        (USED, b"another", 20, "GOR-1103"),
        (CODE, b"key", 14, "GOR-1104"),
        (CODE, b"key", 400, "GOR-1104"),
    ],
    ids=["unknown", "used", "too late to repeat", "used and expired", "expired", "long expired"],
)
def test_every_other_code_has_its_own_problem(code: Code | None, key: bytes, days: float, expected: str):
    with pytest.raises(Problem) as problem:
        judge_code(code, key, START + timedelta(days=days), POLICY)
    assert code_of(problem) == expected


@given(st.timedeltas(timedelta(days=-9000), timedelta(days=9000)))
def test_a_clock_is_told_exactly_when_it_is_off_by_more_than_allowed(off: timedelta):
    told = code_or_value(lambda: check_clock(START + off, START, POLICY))
    assert told == ("GOR-1114" if abs(off) > timedelta(days=1) else None)


def test_a_clock_outside_the_calendar_is_told_too():
    with pytest.raises(Problem) as problem:
        check_clock(None, START, POLICY)
    assert code_of(problem) == "GOR-1114"


def test_no_clock_is_told_when_the_department_does_not_care():
    check_clock(None, START, replace(POLICY, clock_skew=timedelta(0)))


def test_a_request_gives_the_key_that_signed_it():
    key = new_key()
    assert read_request(request_for(key)).public_numbers() == key.public_key().public_numbers()


def test_a_request_with_a_changed_signature_is_refused():
    whole = bytearray(request_for(new_key()))
    whole[-1] ^= 1
    with pytest.raises(Problem) as problem:
        read_request(bytes(whole))
    assert code_of(problem) == "GOR-1106"


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)], ids=["P-384", "RSA"]
)
def test_a_request_for_another_kind_of_key_is_refused(key: ec.EllipticCurvePrivateKey):
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(Problem) as problem:
        read_request(request.public_bytes(Encoding.DER))
    assert (code_of(problem), problem.value.details["cause"]) == ("GOR-1106", "key")


@given(st.binary(max_size=300))
def test_noise_is_never_a_request_or_a_certificate(noise: bytes):
    with pytest.raises(Problem) as request:
        read_request(noise)
    with pytest.raises(Problem) as certificate:
        read_certificate(noise)
    assert (code_of(request), code_of(certificate)) == ("GOR-1106", "GOR-1112")


@given(place=st.integers(0, 5000), bit=st.integers(0, 7))
def test_a_bit_flipped_request_is_refused_or_still_asks_for_its_own_key(place: int, bit: int):
    key = new_key()
    flipped = bytearray(request_for(key))
    flipped[place % len(flipped)] ^= 1 << bit
    own = key.public_key().public_numbers()
    assert code_or_value(lambda: read_request(bytes(flipped)).public_numbers()) in ("GOR-1106", own)


def code_or_value(call: Callable[[], object]) -> object:
    """What the call returns, or the code of the problem that it raises."""
    try:
        return call()
    except Problem as problem:
        return problem.code


class TestAttempts:
    POLICY = Policy(attempts=3, attempts_window=timedelta(minutes=10))

    def test_a_caller_is_stopped_after_as_many_failures_as_allowed(self):
        attempts = self.after_failures(3)
        with pytest.raises(Problem) as problem:
            attempts.check("a", START + timedelta(minutes=4))
        assert (code_of(problem), problem.value.details["seconds"]) == ("GOR-1115", "360")

    def test_one_failure_fewer_stops_nobody(self):
        self.after_failures(2).check("a", START)

    def test_another_caller_is_not_stopped(self):
        self.after_failures(3).check("b", START)

    def test_a_caller_may_try_again_after_a_while(self):
        self.after_failures(3).check("a", START + timedelta(minutes=10, seconds=1))

    def test_what_is_remembered_is_bounded(self):
        attempts = Attempts(self.POLICY, callers=5)
        for number in range(100):
            attempts.failed(f"caller {number}", START)
        assert len(attempts._failures) == 5

    def after_failures(self, count: int) -> Attempts:
        attempts = Attempts(self.POLICY)
        for _ in range(count):
            attempts.failed("a", START)
        return attempts
