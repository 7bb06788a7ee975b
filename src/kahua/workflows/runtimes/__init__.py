"""The component `workflows.runtimes`."""
