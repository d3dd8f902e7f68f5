"""Comparing us with the payment provider and the gateway; each difference has a cause and a repair to be looked at first."""
