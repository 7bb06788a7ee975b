"""A site, built from its settings: the only place that chooses adapters."""
