"""Other parties behind the ports. Only wiring names these modules."""
