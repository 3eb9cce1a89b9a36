"""Passwords, codes of the second factor, back-off. The reference for codes is RFC 6238's own arithmetic, written out here."""

import hashlib
import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.credentials import (
    MEMORY_KIB,
    PASSES,
    BackOff,
    code_step,
    factor_key,
    hash_password,
    login_subject,
    normalise_login,
    open_secret,
    password_fits,
    provisioning_uri,
    seal_secret,
    secret_from_text,
    secret_text,
    weakness,
)

SALT = b"0123456789abcdef"
SECRET = b"12345678901234567890"  # of RFC 6238, appendix B
NOW = 1_790_000_000.0
KEY = factor_key(b"m" * 32)
NONCE = b"n" * 12
secrets = st.binary(min_size=20, max_size=20)


def rfc_code(secret: bytes, at: float) -> str:
    digest = hmac.new(secret, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_a_password_fits_its_own_hash_only():
    stored = hash_password("correct horse battery", SALT)
    assert password_fits("correct horse battery", stored)
    assert not password_fits("correct horse batterx", stored)
    assert not password_fits("", stored)


def test_a_stored_password_names_its_parameters_and_not_the_password():
    stored = hash_password("correct horse battery", SALT)
    assert stored.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$")
    assert "horse" not in stored


def test_a_password_fits_however_the_keyboard_composed_its_letters():
    stored = hash_password("й" * 3 + "ёлка-палка", SALT)
    assert password_fits("и\u0306" * 3 + "е\u0308лка-палка", stored)


def test_a_password_that_no_encoding_can_write_is_refused_and_not_a_crash():
    assert not password_fits("\ud800" * 12, hash_password("correct horse battery", SALT))


@pytest.mark.parametrize(
    ("password", "login", "code"),
    [
        ("elevenchars", "anna", "GOR-1903"),
        ("twelve chars", "anna", None),
        ("aaaaaaaaaaaaaaaa", "anna", "GOR-1906"),
        ("hello ANNA hello", "anna", "GOR-1906"),
        ("nul\0in the middle", "anna", "GOR-1906"),
        ("correct horse " * 20, "anna", "GOR-1906"),
        ("длинный пароль", "anna", None),
    ],
)
def test_a_weak_password_is_named_by_its_problem(password: str, login: str, code: str | None):
    assert weakness(password, login) == code


@given(st.text(max_size=30))
def test_a_login_has_one_spelling(login: str):
    once = normalise_login(login)
    assert normalise_login(once) == once
    assert login_subject(f" {login} ") == login_subject(login)


@pytest.mark.parametrize(("left", "right"), [("Anna", "anna"), (" anna ", "anna"), ("ａnna", "anna"), ("ИВАН", "иван")])
def test_spellings_of_one_login_are_equal(left: str, right: str):
    assert normalise_login(left) == normalise_login(right)


@given(secrets, st.integers(60, 4_000_000_000))
def test_the_code_of_the_moment_is_right(secret: bytes, now: int):
    assert code_step(secret, rfc_code(secret, now), now) is not None


@pytest.mark.parametrize(("now", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_codes_are_those_of_the_standard(now: int, code: str):
    assert code_step(SECRET, code, now) is not None


@pytest.mark.parametrize("code", ["", "28708", "2870822", "abcdef", "２８７０８２", "287082\0", "\ud800"])
def test_what_is_no_code_is_refused(code: str):
    assert code_step(SECRET, code, 59) is None


def test_a_code_may_be_typed_with_blanks():
    assert code_step(SECRET, " 287 082 ", 59) == 1


@pytest.mark.parametrize(("late_s", "fits"), [(-31, False), (-30, True), (0, True), (30, True), (61, False)])
def test_a_telephone_may_be_half_a_minute_off(late_s: int, *, fits: bool):
    step_start = int(NOW) // 30 * 30
    code = rfc_code(SECRET, step_start)
    assert (code_step(SECRET, code, step_start + late_s) is not None) is fits


def test_a_used_step_does_not_count_again():
    code = rfc_code(SECRET, NOW)
    step = code_step(SECRET, code, NOW)
    assert code_step(SECRET, code, NOW, after=step) is None
    assert code_step(SECRET, rfc_code(SECRET, NOW + 30), NOW, after=step) == int(NOW) // 30 + 1


@given(secrets, st.text(min_size=1, max_size=20))
def test_a_sealed_secret_opens_for_its_login(secret: bytes, login: str):
    assert open_secret(KEY, login, seal_secret(KEY, login, secret, NONCE)) == secret


def test_a_sealed_secret_opens_for_nobody_else():
    sealed = seal_secret(KEY, "anna", SECRET, NONCE)
    assert open_secret(KEY, "boris", sealed) is None
    assert open_secret(factor_key(b"x" * 32), "anna", sealed) is None
    assert open_secret(KEY, "anna", sealed[:-1]) is None
    assert open_secret(KEY, "anna", b"") is None
    assert SECRET not in sealed


@given(secrets)
def test_the_text_of_a_secret_reads_back_however_it_is_grouped(secret: bytes):
    text = secret_text(secret)
    assert secret_from_text(text) == secret
    assert secret_from_text(" ".join(text[at : at + 4] for at in range(0, len(text), 4)).lower()) == secret


def test_the_address_in_the_picture_names_login_and_issuer():
    uri = provisioning_uri(SECRET, "anna", "Город")
    assert uri.startswith("otpauth://totp/")
    assert "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in uri
    assert "anna" in uri


def test_waits_begin_after_the_free_tries_and_double_up_to_the_cap():
    backoff = BackOff(free=3, first_s=5, cap_s=60)
    assert [backoff.wait_s(failures) for failures in range(9)] == [0, 0, 0, 5, 10, 20, 40, 60, 60]


@given(st.integers(0, 10**9))
def test_no_number_of_failures_makes_a_wait_longer_than_the_cap(failures: int):
    assert 0 <= BackOff().wait_s(failures) <= BackOff().cap_s
