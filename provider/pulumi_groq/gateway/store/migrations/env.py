"""Alembic's entry: runs the revisions on the connection that `store.migrate` hands over."""

from alembic import context

from pulumi_groq.gateway.store.schema import ledger

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ledger.metadata,
    # SQLite changes tables by copying them; a revision is one transaction there too.
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
