"""The web process: `granian --interface wsgi wsgi:app`, and the application of `flask --app wsgi`."""

from portal.app import create_app

app = create_app()
