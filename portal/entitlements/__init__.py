"""The right to a feature, from one source, for one span of time."""
