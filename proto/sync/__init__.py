"""Messages of the stream, generated from ``*.proto``; see ``make proto``."""
