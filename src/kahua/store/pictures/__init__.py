"""Pictures of what is stored: frames, rendered frames, previews; drawn in child processes that may die."""
