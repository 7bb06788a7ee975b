"""The component `workflows.engines`."""
