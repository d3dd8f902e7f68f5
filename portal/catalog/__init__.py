"""What is sold: APIs, their versions and documents, found by search and read one operation at a time."""
