"""Would a stranger guess this password? Judged by zxcvbn, which carries frequency lists of leaked passwords, words and names.

A length and a mixture of signs say little: ``P@ssw0rd2026!`` has both. zxcvbn takes a password apart into entries of its lists (also with
letters exchanged for signs), rows of the keyboard, sequences, repetitions and dates, and estimates how many guesses lead to it. Its lists are
Latin, so what was typed in Russian is judged a second time as the keys that were pressed: leaked lists are full of ``gfhjkm`` (пароль).
"""

from __future__ import annotations

from typing import Final

from collector.core.credentials import normalise_login

FEWEST_GUESSES: Final = 10.0**8
"""zxcvbn's own bound of "safely unguessable": it lasts against tries at the sign-in page, with back-off or without."""

_LONGEST: Final = 32
"""Signs that are judged: so many are safe unless they are common, and the work grows quicker than the length."""

_KEYS: Final = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`")
_OURS: Final = (
    "gorod",
    "netschool",
    "сетевой",
    "город",
    "образование",
    "школа",
    "учитель",
    "директор",
    "пароль",
    "дневник",
)
"""Words that stand to reason here and in no English list."""


def guessable(password: str, login: str) -> bool:
    """Whether too few guesses lead to the password; words of the login help nobody. Takes some milliseconds, and a second for signs chosen to take long."""
    from zxcvbn import zxcvbn  # on demand: its lists take 40 ms to load

    known = [*_OURS, *(word for word in normalise_login(login).replace("-", ".").split(".") if word)]
    plain = normalise_login(password)[:_LONGEST]
    typed = {password[:_LONGEST], plain.translate(_KEYS)}
    words: list[str | float] = [*known, *(word.translate(_KEYS) for word in known)]
    return any(zxcvbn(text, user_inputs=words)["guesses"] < FEWEST_GUESSES for text in typed)
