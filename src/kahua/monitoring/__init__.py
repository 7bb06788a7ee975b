"""The component `monitoring`."""
