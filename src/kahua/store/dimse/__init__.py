"""The component `store.dimse`."""
