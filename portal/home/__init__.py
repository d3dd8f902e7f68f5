"""The first page, for a stranger and for somebody signed in."""
