"""What goes: into the trash and back, and for ever."""
