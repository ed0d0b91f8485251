"""The durable store: SQLite or PostgreSQL, by URL, through SQLAlchemy Core; knows no HTTP."""
