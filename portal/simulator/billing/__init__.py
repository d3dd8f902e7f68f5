"""How money and time work here: amounts, periods, charges, invoices, subscriptions and what falls due when."""
