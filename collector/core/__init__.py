"""Decisions of the collector, pure: no clock, no socket, no database in here."""
