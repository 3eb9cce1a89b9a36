"""Which passwords strangers try first, in two alphabets, and which they do not."""

import random
import string
import time

import pytest

from collector.core.credentials import PASSWORD_MIN, weakness
from collector.store.passwords import guessable

LOGIN = "ivanova.a"


@pytest.mark.parametrize(
    "password",
    [
        "password1234",  # leaked as it stands
        "Password1234",
        "P@ssw0rd2026!",  # letters exchanged for signs, a year behind
        "qwertyuiop[]",
        "zaq12wsxcde3",  # columns of keys
        "abcdefghijkl",
        "abc123abc123abc123",
        "iloveyou2026",
        "administrator1",
    ],
)
def test_a_common_password_is_guessable_however_long(password: str):
    assert len(password) >= PASSWORD_MIN
    assert guessable(password, LOGIN)


@pytest.mark.parametrize(
    "password",
    [
        "пароль123456",
        "Пароль123456",
        "gfhjkm123456",  # the same keys without the Russian layout
        "йцукенгшщзхъ",
        "солнышко123456",
        "учитель12345",
        "Дневник2026!",
        "сетевойгород",
    ],
)
def test_a_russian_word_is_no_better_than_an_english_one(password: str):
    assert len(password) >= PASSWORD_MIN
    assert guessable(password, LOGIN)


@pytest.mark.parametrize("password", ["ivanova1985!", "Ivanova.2026", "netschool2026", "gorodgorod26"])
def test_words_of_the_login_and_of_the_system_help_nobody(password: str):
    assert guessable(password, LOGIN)


def test_the_same_word_is_better_for_somebody_of_another_name():
    assert guessable("zagoskina-1-z", "zagoskina")
    assert not guessable("zagoskina-1-z", LOGIN)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "ёлка трактор сугроб компот",
        "x8Fq-3kZ_pW0tR7v",
        "Kx8#mP2$vL9q",
        "длинный пароль для пробы",
    ],
)
def test_random_words_and_made_up_signs_are_taken(password: str):
    assert not guessable(password, LOGIN)


def test_what_a_program_makes_up_is_always_taken(rng: random.Random):
    for _try in range(50):
        password = "".join(rng.choices(string.ascii_letters + string.digits + "-_", k=PASSWORD_MIN))
        assert weakness(password, LOGIN) or not guessable(password, LOGIN), password


SLOW = ("@$0|!3(7" * 32, "4@8({[<69361!|71|7051$5+7%2" * 9, "a1" * 128, "".join(map(chr, range(33, 289))))


@pytest.mark.parametrize("password", SLOW)
def test_a_password_made_to_be_slow_is_judged_all_the_same(password: str):
    began = time.process_time()
    guessable(password, LOGIN)
    assert time.process_time() - began < 5


def test_what_no_encoding_can_write_is_judged_and_not_a_crash():
    assert guessable("\ud800" * 16, LOGIN)


def test_what_follows_after_a_common_beginning_makes_nothing_better():
    assert guessable("1234" * 8 + "x8Fq-3kZ_pW0tR7v", LOGIN)
