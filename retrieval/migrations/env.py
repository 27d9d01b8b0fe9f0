"""Alembic's entry: runs the migrations on the connection that `retrieval.database` hands over."""

from __future__ import annotations

from alembic import context

from retrieval.database import METADATA

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("run the migrations through retrieval.database.Database.open, which holds the write lock")
context.configure(connection=connection, target_metadata=METADATA)
context.run_migrations()
