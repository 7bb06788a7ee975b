"""Run migrations inside the transaction that `kahua.database.migrate` opened."""

from alembic import context

from kahua.database.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
