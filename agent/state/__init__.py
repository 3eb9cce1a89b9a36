"""One SQLite file that remembers what the centre holds and what is on the way there."""
