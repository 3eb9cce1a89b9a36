"""The agent: one school's NetSchool database, read and never written, streamed to the department and proven equal."""
