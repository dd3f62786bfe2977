"""Runs migrations on the connection that it is given, in its transaction: nothing is configured by file."""

from __future__ import annotations

from alembic import context

from gateway.adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
