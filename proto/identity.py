"""Who a certificate speaks for: the school stands in it as a URI, ``gorod://school/<id>``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHOOL_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_PREFIX: Final = "gorod://school/"


def school_uri(school: str) -> str:
    """URI that names the school; ValueError if the id has other characters than letters, digits, ``. _ -``."""
    if not SCHOOL_ID.fullmatch(school):
        raise ValueError(f"not a school id: {school!r}")
    return _PREFIX + school


def school_from_names(names: Iterable[str]) -> str | None:
    """The one school among subject alternative names; None if there is none, or more than one."""
    schools = {name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)}
    if len(schools) != 1:
        return None
    (school,) = schools
    return school if SCHOOL_ID.fullmatch(school) else None


def school_of(certificate: x509.Certificate) -> str | None:
    """The school that the certificate speaks for, or None."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    return school_from_names(names.get_values_for_type(x509.UniformResourceIdentifier))
