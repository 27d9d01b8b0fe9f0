"""The SQL schema's history, for Alembic; `retrieval.database` runs what a workspace is missing."""
