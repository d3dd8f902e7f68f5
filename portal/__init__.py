"""Mercato: the API market that shows its working. `docs/architecture.md` explains how the packages stack."""
