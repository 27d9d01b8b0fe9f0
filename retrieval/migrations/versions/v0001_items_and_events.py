"""The first schema: items, what of them is embedded, events, counters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
_EVENT_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_items()
    _create_events()
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(counters, [{"name": "items", "value": 0}, {"name": "events", "value": 0}])


def _create_items() -> None:
    op.create_table(
        "items",
        sa.Column("item_id", sa.String(256), primary_key=True),
        sa.Column("item_row", sa.Integer(), nullable=False, unique=True),
        sa.Column("title", _LONG_TEXT, nullable=False),
        sa.Column("attributes", _LONG_TEXT, nullable=False),
        sa.Column("images", _LONG_TEXT, nullable=False),
        sa.Column("video", sa.String(64)),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("text_hash", sa.String(64), nullable=False),
        sa.Column("images_hash", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.create_index("items_version", "items", ["version"])
    op.create_table(
        "embedded",
        sa.Column("space", sa.String(32), primary_key=True),
        sa.Column("item_id", sa.String(256), sa.ForeignKey("items.item_id"), primary_key=True),
        sa.Column("embedded_hash", sa.String(64), nullable=False),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("event_row", _EVENT_ROW, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(64), nullable=False, unique=True),
        sa.Column("user_id", sa.String(256), nullable=False),
        sa.Column("item_id", sa.String(256), sa.ForeignKey("items.item_id"), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("text", _LONG_TEXT),
        sa.Column("session_id", sa.String(256)),
        sa.Column("request_id", sa.String(256)),
        sa.Column("position", sa.Integer()),
        sa.Column("source", sa.String(256)),
        sa.Column("model", sa.String(256)),
        sa.Column("adapter", sa.String(256)),
    )
    op.create_index("events_user_time", "events", ["user_id", "timestamp_us", "event_row"])
    op.create_index("events_item", "events", ["item_id"])


def downgrade() -> None:
    for table in ("events", "embedded", "items", "counters"):
        op.drop_table(table)
