"""Providers' servers for the demo: an echo service and two small APIs that compute what they answer."""
