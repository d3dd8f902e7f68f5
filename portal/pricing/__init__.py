"""What things cost: products, plans, immutable prices, and the one pricing function."""
