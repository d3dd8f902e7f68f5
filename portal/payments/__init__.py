"""Paying: purchases through the hosted checkout, and keeping our rows equal to the provider's."""
