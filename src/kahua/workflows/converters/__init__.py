"""The component `workflows.converters`."""
