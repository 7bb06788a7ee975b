"""The demonstration: a real image goes in by C-STORE, a real model runs on it, its result is compared and shown."""
