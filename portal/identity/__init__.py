"""Who a person is, which organisations they act for, and how they prove it."""
