"""The contract between a school and the department: wire format, and the pure functions that both ends must agree on."""

__version__ = "0.1.0"
