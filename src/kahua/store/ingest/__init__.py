"""The one way into the archive: staged, scanned, filed, durable; or set aside with a reason."""
