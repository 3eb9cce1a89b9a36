"""Addresses of pages about somebody or something of a school, and back (pure).

A canonical key joins its parts by ``/``, which an address cannot hold inside one segment; a comma never stands in a key, so it stands in
for it there.
"""

from __future__ import annotations

from urllib.parse import quote


def key_in_address(key: str) -> str:
    """A canonical key as one segment of an address."""
    return quote(key.replace("/", ","), safe=",~")


def key_of(segment: str) -> str:
    """The key that a (decoded) segment stands for."""
    return segment.replace(",", "/")


def child(school: str, pupil: str, view: str) -> str:
    """A family's page about a pupil: ``/children/23-001/77/diary``."""
    return f"/children/{quote(school, safe='')}/{key_in_address(pupil)}/{view}"


def child_of(address: str) -> tuple[str, str] | None:
    """``/children/23-001/77`` and ``diary`` of an address about a pupil; None if it is about nobody."""
    parts = address.split("/")
    if len(parts) < 5 or parts[1] != "children" or not all(parts[2:5]):  # noqa: PLR2004  ['', children, school, pupil, view]
        return None
    return "/".join(parts[:4]), parts[4]
