"""Keep kinds of models, A/B tests, and per call its id, arm, session and feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and the indexes."""
    op.add_column(
        "model_versions", sa.Column("kind", sa.String(length=16), nullable=False, server_default="retrieval")
    )
    for column in (
        sa.Column("challenger_id", sa.String(length=64), nullable=True),
        sa.Column("challenger_version", sa.Integer(), nullable=True),
        sa.Column("share", sa.Float(), nullable=True),
    ):
        op.add_column("deployments", column)
    for column in (
        sa.Column("completion_id", sa.String(length=64), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("arm", sa.String(length=16), nullable=True),
        sa.Column("session", sa.String(length=32), nullable=True),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
    ):
        op.add_column("usage", column)
    op.create_index("usage_by_deployment", "usage", ["deployment", "number"])
    op.create_index("usage_by_completion", "usage", ["completion_id"], unique=True)
