"""Dated migrations; once released, one never changes."""
