"""What changed between two versions of an API, and what of it breaks its callers."""
