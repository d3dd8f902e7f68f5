"""Logos that organisations upload: read with suspicion, drawn anew by us, kept by what they hold."""
