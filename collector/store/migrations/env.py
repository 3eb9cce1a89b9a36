"""Alembic runs this; the connection comes from :mod:`collector.store.migrate`."""

from alembic import context

from collector.store.migrate import context_options

context.configure(connection=context.config.attributes["connection"], **context_options())
with context.begin_transaction():
    context.run_migrations()
