"""The component `extensions`."""
