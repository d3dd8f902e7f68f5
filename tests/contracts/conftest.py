"""Fixtures that contract suites borrow from the features that own them."""

from tests.dataplane.conftest import customer, gateway, log_sink, make_customer, start_gateway, upstream

__all__ = ["customer", "gateway", "log_sink", "make_customer", "start_gateway", "upstream"]
