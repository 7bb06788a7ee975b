"""The component `store.objects`."""
