"""Faults of the stream's machine: theirs and ours are told apart (as h11 does).

UplinkFault          never raised itself
├── PeerFault        the collector sent what has no place here: close, come back
└── LocalFault       our own code or state broke a law: close, ask for a new epoch
"""

from __future__ import annotations

from typing import Self


class UplinkFault(Exception):
    """Base of both; its subclasses say whose fault it is."""

    def __new__(cls, *args: object) -> Self:
        """Refuse the base class itself."""
        if cls is UplinkFault:
            raise TypeError("raise PeerFault or LocalFault")
        return super().__new__(cls, *args)


class PeerFault(UplinkFault):
    """The collector broke the protocol."""


class LocalFault(UplinkFault):
    """We broke the protocol, or the outbox is not what it should be."""
