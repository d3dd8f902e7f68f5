"""Figures drawn on the server: sparklines, meters, letter tiles and charts as SVG that needs no script.

Pure functions from numbers to markup. Colours are classes (`c1` … `c8`, `hue-1` … `hue-8`) whose values live in the
theme, so the same figure fits light and dark, and the interactive chart that may replace it takes the same palette.
Sizes are percentages: a strict content security policy allows no style attribute, and text keeps its size at every
width.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

from babel.core import Locale
from babel.numbers import format_compact_decimal, format_decimal, get_decimal_symbol, get_group_symbol
from flask import Flask
from flask_babel import get_locale
from markupsafe import Markup, escape

Number = int | float | Decimal
PALETTE_SIZE = 8
THICKEST = 12.0  # of a chart's width in per cent: one bar alone is still a bar, not a wall
BASE, RISE = 90.0, 80.0  # of a chart's height in per cent: where the base line lies and how far the axis rises above it


def hue_of(name: str) -> int:
    """Slot 1 to 8 of the chart palette for a name: the same on every page, in every process."""
    return zlib.crc32(name.strip().casefold().encode("utf-8", "surrogatepass")) % PALETTE_SIZE + 1


def initial_of(name: str) -> str:
    """The first letter or digit of a name in upper case, or a middle dot when it has none."""
    return next((letter for letter in name if letter.isalnum()), "·").upper()[:1]


def bar_width(share: Number) -> str:
    """A share (0 to 1) as an SVG length. A little is never drawn as nothing, and over the limit is a full bar."""
    value = float(share)
    if math.isnan(value) or value <= 0:
        return "0%"
    return f"{min(max(value, 0.005), 1) * 100:.2f}%".replace(".00%", "%")


def sparkline(values: Sequence[Number], label: str, inline: bool = False, slot: int = 1) -> Markup:
    """A line without axes beside a number. `label` says in words what it shows; empty input draws a flat line."""
    points = [float(value) for value in values] or [0.0]
    if len(points) == 1:
        points *= 2
    top, floor = max(points), min(0.0, *points)
    span = (top - floor) or 1.0
    step = 100 / (len(points) - 1)
    drawn = [(f"{i * step:.1f}", f"{29 - (value - floor) / span * 26:.1f}") for i, value in enumerate(points)]
    line = "M" + "L".join(f"{x} {y}" for x, y in drawn)
    last_x, last_y = drawn[-1]
    return _drawn(
        f'<svg class="spark hue-{slot}{" inline" if inline else ""}" viewBox="0 0 100 32" preserveAspectRatio="none"'
        f' role="img" aria-label="{escape(label)}"><path class="area" d="{line}L100 32L0 32Z"/>'
        f'<path class="line" d="{line}"/><path class="end" d="M{last_x} {last_y}h0"/></svg>'
    )


def day_strip(days: Sequence[tuple[str, Literal["good", "fair", "bad", "unknown"]]], label: str) -> Markup:
    """One bar per day as on a status page: `(title, how it went)`. Worse days are lower, so colour is not alone."""
    tops = {"good": 0, "fair": 25, "bad": 50, "unknown": 88}
    width = 100 / max(len(days), 1)
    bars = "".join(
        f'<rect class="day-{how}" x="{n * width:.3f}%" y="{tops[how]}%" width="{width * 0.72:.3f}%"'
        f' height="{100 - tops[how]}%"><title>{escape(title)}</title></rect>'
        for n, (title, how) in enumerate(days)
    )
    return _drawn(f'<svg class="day-strip" role="img" aria-label="{escape(label)}">{bars}</svg>')


def _drawn(svg: str) -> Markup:
    """Mark a drawing as safe: its words were escaped and everything else in it is a number or a word of this module.

    Putting it together as Markup would ask of every number whether it must be escaped, which takes ten times as long.
    """
    return Markup(svg)  # noqa: S704 - see above


@dataclass(frozen=True, slots=True)
class Series:
    """One named run of values. `slot` is its colour in the palette; `faint` draws a previous period as a thin line."""

    name: str
    values: Sequence[Number]
    slot: int = 1
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready for `chart_box`: SVG for everybody, JSON for the script that makes it interactive."""

    series: Sequence[Series]
    summary: str
    svg: Markup
    json: Markup
    is_empty: bool = False


def compact(value: float) -> str:
    """A number as short as the reader's language allows: 4.5K, 12M; in German, which shortens millions only, 66.700."""
    text = format_compact_decimal(value, locale=_locale(), fraction_digits=1)
    return format_decimal(value, format="#,##0", locale=_locale()) if text.isdigit() else text


def get_separators() -> tuple[str, str]:
    """Decimal and thousands separator of the reader's language."""
    return get_decimal_symbol(_locale()), get_group_symbol(_locale())


def _locale() -> Locale:
    return get_locale() or Locale("en")


def ticks(top: float, wanted: int = 4) -> list[float]:
    """Round numbers from zero to at least `top`, in steps of 1, 2 or 5 times a power of ten."""
    if top <= 0 or not math.isfinite(top):
        return [0.0, 1.0]
    raw = top / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    count = math.ceil(top / step * 0.9999)
    return [step * i for i in range(count + 1)]


def chart_data(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    kind: Literal["bar", "line"] = "bar",
    unit: str = "",
    summary: str = "",
    partial: bool = False,
    marks: Sequence[tuple[int, str]] = (),
    show: Callable[[float], str] | None = None,
) -> Chart:
    """Everything `chart_box` needs. `partial` says the last period is not over yet; `marks` are (index, words).

    Bars stack; faint series never do. Values are in `unit`; `show` writes the numbers of the axis, by
    default as short as the reader's language allows (4.5K, 12M).
    """
    show = show or compact
    solid = [one for one in series if not one.faint]
    stacked = [sum(float(one.values[i]) for one in solid) for i in range(len(labels))]
    heights = stacked if kind == "bar" else [float(value) for one in solid for value in one.values]
    faint = [float(value) for one in series if one.faint for value in one.values]
    axis = ticks(max([*heights, *faint, 0.0]))
    if all(value == int(value) for value in [*heights, *faint]):
        axis = [tick for tick in axis if tick == int(tick)]  # things that are counted have no halves
    is_empty = not any([*heights, *faint])
    body = Markup("") if is_empty else _body(kind, labels, series, axis[-1], partial)
    spec: dict[str, Any] = {
        "kind": kind,
        "x": list(labels),
        "unit": unit,
        "partial": partial,
        "axis": [{"at": value, "text": show(value) if value else ""} for value in axis],
        "separators": "".join(get_separators()),
        "marks": [{"at": at, "text": text} for at, text in marks],
        "series": [
            {"name": one.name, "values": [float(value) for value in one.values], "slot": one.slot, "faint": one.faint}
            for one in series
        ],
    }
    return Chart(
        series=tuple(series),
        summary=summary,
        svg=_frame(labels, axis, body, show if not is_empty else lambda _value: ""),
        is_empty=is_empty,
        json=Markup(_json_for_html(spec)),  # noqa: S704 - every "<" is escaped just below
    )


def _json_for_html(value: Any) -> str:
    """JSON that may stand inside a script element: no tag or comment can begin in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _frame(labels: Sequence[str], axis: Sequence[float], body: Markup, show: Callable[[float], str]) -> Markup:
    """Rules, the drawing, the rules' numbers over both, and the first, middle and last label beneath."""
    parts: list[str] = []
    numbers: list[str] = []
    for value in axis:
        y = f"{BASE - value / axis[-1] * RISE:.2f}%"
        kind = "base" if value == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        if value:
            numbers.append(f'<text class="over" x="0" y="{y}" dy="-4">{escape(show(value))}</text>')
    anchors = [(0, "start", "0")] if labels else []
    if len(labels) > 1:
        anchors.append((len(labels) - 1, "end", "100%"))
    if len(labels) > 4:
        middle = len(labels) // 2
        anchors.append((middle, "middle", f"{(middle + 0.5) / len(labels) * 100:.2f}%"))
    for index, anchor, x in anchors:
        parts.append(f'<text x="{x}" y="100%" dy="-4" text-anchor="{anchor}">{escape(labels[index])}</text>')
    inside = "".join([*parts, body, *numbers])
    return _drawn(f'<svg class="bars" aria-hidden="true" focusable="false">{inside}</svg>')


def _body(kind: str, labels: Sequence[str], series: Sequence[Series], top: float, partial: bool) -> Markup:
    solid, faint = [one for one in series if not one.faint], [one for one in series if one.faint]
    drawn = _bars(labels, solid, top, partial) if kind == "bar" else _lines(solid, top, inset=0)
    return drawn + _lines(faint, top, inset=50 / max(len(labels), 1) if kind == "bar" else 0)


def _bars(labels: Sequence[str], series: Sequence[Series], top: float, partial: bool) -> Markup:
    width = 100 / max(len(labels), 1)
    thick = min(width * 0.76, THICKEST)
    parts: list[str] = []
    for i in range(len(labels)):
        base = BASE
        for one in series:
            height = max(float(one.values[i]), 0.0) / top * RISE
            base -= height
            if height > 0:
                part = " partial" if partial and i == len(labels) - 1 else ""
                parts.append(
                    f'<rect class="c{one.slot}{part}" x="{(i + 0.5) * width - thick / 2:.3f}%" y="{base:.3f}%"'
                    f' width="{thick:.3f}%" height="{height:.3f}%"/>'
                )
    return _drawn("".join(parts))


def _lines(series: Sequence[Series], top: float, inset: float) -> Markup:
    parts: list[str] = []
    for one in series:
        step = (100 - 2 * inset) / max(len(one.values) - 1, 1)
        points = [(inset + i * step, BASE - max(float(value), 0.0) / top * RISE) for i, value in enumerate(one.values)]
        looks = "faint" if one.faint else f"s{one.slot}"
        parts += [
            f'<line class="{looks}" x1="{x1:.2f}%" y1="{y1:.2f}%" x2="{x2:.2f}%" y2="{y2:.2f}%"/>'
            for (x1, y1), (x2, y2) in pairwise(points)
        ]
    return _drawn("".join(parts))


def register(app: Flask) -> None:
    """Give templates what the macros in `templates/_ui` call."""
    app.jinja_env.globals.update(
        hue_of=hue_of, initial_of=initial_of, bar_width=bar_width, sparkline=sparkline, day_strip=day_strip
    )
