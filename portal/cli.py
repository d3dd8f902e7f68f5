"""Commands for operators: `flask --app wsgi <command>`."""

from __future__ import annotations

from flask import Flask

from portal.audit.cli import audit
from portal.catalog.cli import apis
from portal.identity.cli import organisations, people
from portal.metering.cli import usage
from portal.payments.cli import codes
from portal.payments.premium.cli import premium
from portal.payments.selling.cli import prices
from portal.projects.cli import projects
from portal.reconciliation.cli import reconciliation
from portal.webhooks.cli import webhooks


def register(app: Flask) -> None:
    """Attach every command."""
    app.cli.add_command(audit)
    app.cli.add_command(apis)
    app.cli.add_command(organisations)
    app.cli.add_command(people)
    app.cli.add_command(usage)
    app.cli.add_command(codes)
    app.cli.add_command(projects)
    app.cli.add_command(prices)
    app.cli.add_command(premium)
    app.cli.add_command(webhooks)
    app.cli.add_command(reconciliation)
