"""Finding APIs: search, facets and orders, what is counted and kept for them, what people keep, compare and miss."""
