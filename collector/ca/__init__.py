"""Certificate authority of the department: one-time codes, enrolment, renewal, revocation."""
