"""How dates read that belong to no zone."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from flask_babel import force_locale

from portal.web.formatting import calendar_day


@pytest.mark.parametrize(("language", "text"), [("en", "25 November 2026"), ("de", "25. November 2026")])
@pytest.mark.parametrize("given", ["2026-11-25", date(2026, 11, 25)])
def test_a_date_is_written_out_and_keeps_its_day(app: Flask, language: str, text: str, given: date | str) -> None:
    with app.test_request_context(), force_locale(language):
        assert calendar_day(given) == f'<time datetime="2026-11-25">{text}</time>'
