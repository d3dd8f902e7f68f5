"""Who may call, through which door: API keys, and telling the gateway about them."""
