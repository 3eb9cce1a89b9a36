"""Everything around the three programs: services, example settings, catalogues of messages, the demo city."""
