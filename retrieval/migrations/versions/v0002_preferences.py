"""What users say that they always or never want."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.String(256), primary_key=True),
        sa.Column("preference_hash", sa.String(64), primary_key=True),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("avoided", sa.Boolean(), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("preferences")
