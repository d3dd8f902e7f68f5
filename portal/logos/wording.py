"""Refusals in words: what is the matter with the file, and what to do."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.logos.types import FEWEST_PIXELS, MOST_PIXELS, Fault, LogoRefused


def sentence(refusal: LogoRefused) -> str:
    """Return what to tell the person who chose the file."""
    said: dict[Fault, str] = {
        Fault.MISSING: _("Choose a picture first."),
        Fault.EMPTY: _("This file is empty. Choose the picture again, or save it anew."),
        Fault.HEAVY: _("This file is larger than 1 MB. Save it smaller: 512 × 512 pixels are plenty."),
        Fault.VECTOR: _(
            "SVG files can hold scripts, so we do not take them. Export the logo as PNG, 512 × 512 pixels."
        ),
        Fault.OTHER: _(
            "This is a file of the kind %(kind)s. Save it as PNG, JPEG or WebP and choose that.", kind=refusal.detail
        ),
        Fault.NO_PICTURE: _("This is not a picture, whatever its name says. Choose a PNG, JPEG or WebP file."),
        Fault.BROKEN: _("This picture is damaged or was cut off on its way. Save it anew and choose it again."),
        Fault.MOVING: _("This picture moves. Save one of its frames and choose that."),
        Fault.LARGE: _(
            "This picture has more than %(n)s pixels a side. Save it smaller: 512 × 512 are plenty.", n=MOST_PIXELS
        ),
        Fault.TINY: _(
            "This picture is too small (%(size)s pixels). Use at least %(n)s pixels a side, better 512.",
            size=refusal.detail,
            n=FEWEST_PIXELS,
        ),
        Fault.BLANK: _("Every point of this picture is transparent, so there is nothing to show."),
    }
    return said[refusal.fault]
