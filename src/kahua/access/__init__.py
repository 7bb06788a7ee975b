"""The component `access`."""
