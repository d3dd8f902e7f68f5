"""Who has which plan, as the payment provider or a free start says."""
