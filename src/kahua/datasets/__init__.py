"""The component `datasets`."""
