"""The component `store.dicomweb`."""
