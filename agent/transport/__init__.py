"""The way to the department: identity, enrolment, the stream."""
