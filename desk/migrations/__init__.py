"""The schema's history. Run by ``desk.database`` at start; no alembic.ini is needed."""
