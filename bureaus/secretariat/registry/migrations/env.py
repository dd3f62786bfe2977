"""Runs migrations on the connection that it is given, in its transaction: nothing is configured by file."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
