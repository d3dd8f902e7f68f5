"""Figures of the business, from rows: subscriptions, recurring revenue, churn, trials, money. Each can be explained."""
