"""The path from any earlier schema to the present one; see :mod:`collector.store.migrate`."""
