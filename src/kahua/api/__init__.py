"""The component `api`."""
