"""Providers' servers for the demo: an echo service and small APIs that compute what they answer."""
