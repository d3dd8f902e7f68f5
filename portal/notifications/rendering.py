"""A draft becomes a mail: plain text and HTML from the same words, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask import current_app
from flask_babel import force_locale
from markupsafe import Markup

from portal.notifications.types import Draft, Reader
from portal.ports.mail import Letter

# Mail programs drop style sheets, so each element carries its own style; this is the sheet.
_LOOK = {
    "page": "margin:0;padding:32px 16px;background:#f4f4f0;color:#1b211f;",
    "sheet": "max-width:560px;margin:0 auto;background:#ffffff;border:1px solid #dcddd6;border-top:3px solid #0d6b5c;",
    "inside": "padding:32px;font:16px/1.55 Inter,'Helvetica Neue',Arial,sans-serif;color:#1b211f;",
    "brand": "margin:0 0 24px;font-weight:600;font-size:16px;letter-spacing:-0.01em;",
    "text": "margin:0 0 16px;",
    "press": "margin:24px 0;",
    "button": "display:inline-block;padding:12px 20px;background:#0d6b5c;color:#ffffff;text-decoration:none;border-radius:4px;"
    "font-weight:550;",
    "small": "margin:0 0 8px;font-size:14px;line-height:1.5;color:#555d59;",
    "link": "color:#0d6b5c;overflow-wrap:anywhere;word-break:break-all;",
    "rule": "margin:24px 0 16px;border:0;border-top:1px solid #dcddd6;",
}


@contextmanager
def in_language_of(reader: Reader) -> Iterator[None]:
    """Let `_()` speak the reader's language."""
    with force_locale(reader.locale):
        yield


def render(key: str, reader: Reader, draft: Draft) -> Letter:
    """Return the finished letter. Call within `in_language_of`."""
    context = {"reader": reader, "draft": draft, "look": lambda name: Markup('style="{}"').format(_LOOK[name])}
    text, html = (current_app.jinja_env.get_template(f"mail/letter.{form}") for form in ("txt", "html"))
    return Letter(
        key=key,
        to=reader.address,
        subject=draft.subject,
        text=text.render(context),
        html=html.render(context),
        language=reader.locale,
    )


def day_of(instant: datetime, reader: Reader) -> str:
    """Return the day in the reader's zone and language."""
    pattern = "d. MMMM yyyy" if reader.locale == "de" else "d MMMM yyyy"
    return format_datetime(instant, pattern, tzinfo=ZoneInfo(reader.time_zone), locale=reader.locale)


def moment(instant: datetime, reader: Reader) -> str:
    """Return date and time to the minute in the reader's zone, with the zone's name."""
    pattern = "d. MMMM yyyy, HH:mm" if reader.locale == "de" else "d MMMM yyyy, HH:mm"
    text = format_datetime(instant, pattern, tzinfo=ZoneInfo(reader.time_zone), locale=reader.locale)
    return f"{text} ({reader.time_zone.replace('_', ' ')})"
