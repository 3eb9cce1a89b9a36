"""Decisions of the agent, pure: no clock, no socket, no database in here."""
