"""The theme's colours as numbers: text can be read, edges be seen, chart colours told apart by colour-blind eyes."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from tests.look.conftest import ROOT

THEMES = ("light", "dark")
GROUNDS = ("color-base-100", "color-base-200", "surface")
TEXTS = [(text, ground) for text in ("color-base-content", "ink-2", "ink-3", "color-primary") for ground in GROUNDS]
TEXTS += [(f"color-{tone}", ground) for tone in ("info", "success", "warning", "error") for ground in GROUNDS]
TEXTS += [
    ("color-primary", "accent-soft"),
    ("color-info", "info-soft"),
    ("color-success", "success-soft"),
    ("color-warning", "warning-soft"),
    ("color-error", "danger-soft"),
    ("color-primary-content", "color-primary"),
    ("color-primary-content", "accent-hover"),
    ("color-error-content", "color-error"),
    ("color-neutral-content", "color-neutral"),
    ("color-base-content", "mark"),
    ("ink-2", "accent-soft"),
    *(("color-base-content", f"{tone}-soft") for tone in ("info", "success", "warning", "danger")),
]
# Machado, Oliveira and Fernandes 2009, severity 1.0, applied to linear RGB
SEEING = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}
Colour = tuple[float, float, float]


def tokens(theme: str) -> dict[str, str]:
    css = (ROOT / "static" / "app.css").read_text()
    (body,) = re.findall(rf'@plugin "daisyui/theme" \{{\s*name: "{theme}";(.*?)\n\}}', css, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", body))


def linear(colour: str) -> Colour:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))  # type: ignore[return-value]


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lightness_and_hue(rgb: Colour) -> Colour:
    """OKLab, in which distance follows the eye."""
    red, green, blue = (max(c, 0.0) for c in rgb)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short,
    )


def distance(one: str, other: str, eye: str) -> float:
    seen = [
        lightness_and_hue(tuple(sum(row[i] * linear(c)[i] for i in range(3)) for row in SEEING[eye]))  # type: ignore[arg-type]
        for c in (one, other)
    ]
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    found = tokens(theme)
    assert contrast(found[text], found[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_edge_of_a_field_and_every_chart_colour_can_be_seen(theme: str, ground: str) -> None:
    found = tokens(theme)
    for name in ("edge", *(f"chart-{n}" for n in range(1, 9))):
        assert contrast(found[name], found[ground]) >= 3, name


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eye", SEEING)
def test_chart_colours_differ_for_every_eye(theme: str, eye: str) -> None:
    """Two of the first four never look alike; further ones differ from their neighbours in the order."""
    found = tokens(theme)
    pairs = [*combinations(range(1, 5), 2), *((n, n + 1) for n in range(4, 8))]
    for one, other in pairs:
        apart = distance(found[f"chart-{one}"], found[f"chart-{other}"], eye)
        assert apart >= 0.1, f"{one} and {other}: {apart:.3f}"


def test_both_themes_define_the_same_tokens() -> None:
    assert tokens("light").keys() == tokens("dark").keys()
