"""Who sells: projects with their apps, accounts (whoever is billed) and features."""
