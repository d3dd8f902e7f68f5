"""Stories use the application that is plugged into a running simulator."""

from tests.payments.conftest import app, clock, shop, stripe_world, syncing  # noqa: F401 - fixtures of the stories
