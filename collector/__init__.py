"""The department's daemon: enrols schools, receives their changes, keeps them, proves them equal."""
