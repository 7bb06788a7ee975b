"""Series on their way out of the site, as one ZIP archive with a manifest."""
