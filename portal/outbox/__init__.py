"""What features announce: rows written with their cause, delivered afterwards, at least once, in no order."""
