"""The component `testing`."""
