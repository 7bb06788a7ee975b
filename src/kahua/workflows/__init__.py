"""The component `workflows`."""
