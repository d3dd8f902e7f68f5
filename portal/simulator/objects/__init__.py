"""One module per Stripe object: what it looks like, what may be sent, what happens."""
