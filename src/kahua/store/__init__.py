"""The component `store`."""
