"""The durable store: SQLite today, by URL, through SQLAlchemy Core; knows no HTTP."""
