"""Everything a fresh machine needs around the product: embedded servers, one supervisor, and demo data."""
