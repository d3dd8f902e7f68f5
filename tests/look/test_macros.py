"""The macro library: every macro is shown in the guide, and each keeps its promises with awkward input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from markupsafe import Markup

from portal.web.figures import Series, bar_width, chart_data, hue_of, initial_of, sparkline, ticks
from tests.look.conftest import TEMPLATES

HOSTILE = '"><script>alert(1)</script>'
LIBRARY = sorted(path for path in (TEMPLATES / "_ui").glob("*.html") if not path.name.startswith("_"))
INTERNAL = {"problem", "help_line", "label_for", "wiring", "legend"}  # parts of other macros


class Outline(HTMLParser):
    """Start tags with their attributes, and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.ids = [attributes["id"] for _tag, attributes in self.tags if attributes.get("id")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def first(self, tag: str) -> dict[str, str | None]:
        return next(attributes for name, attributes in self.tags if name == tag)


@pytest.fixture
def render(look_app: Flask) -> Callable[..., str]:
    """Render a template source within a request."""

    def rendered(source: str, **context: Any) -> str:
        with look_app.test_request_context("/"):
            return look_app.jinja_env.from_string(source).render(**context)

    return rendered


@pytest.mark.parametrize("case", ["usual", "none", "extreme"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_the_guide_renders(look_app: Flask, case: str, locale: str) -> None:
    client = look_app.test_client()
    client.set_cookie("locale", locale)
    answer = client.get(f"/styleguide?case={case}")
    assert answer.status_code == 200
    outline = Outline(answer.text)
    assert outline.first("html")["lang"] == locale
    assert [tag for tag, _ in outline.tags].count("h1") == 1
    assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_every_macro_is_shown_in_the_guide_or_the_layout(path: Any) -> None:
    shown = "".join(each.read_text() for each in (TEMPLATES / "styleguide").glob("*.html"))
    shown += (TEMPLATES / "layout.html").read_text()
    inside = "".join(each.read_text() for each in LIBRARY)
    for name in re.findall(r"\{% macro (\w+)\(", path.read_text()):
        used = re.search(rf"\b{name}\(", shown)
        assert used or (name in INTERNAL and len(re.findall(rf"\b{name}\(", inside)) > 1), name


def test_a_field_names_its_help_and_its_error(render: Callable[..., str]) -> None:
    text = render(
        '{% import "_ui/form.html" as form %}'
        '{{ form.field("email", "Email", value=value, help="Receipts go here.", error="Enter an address") }}',
        value=HOSTILE,
    )
    outline = Outline(text)
    field = outline.first("input")
    assert field["aria-invalid"] == "true"
    assert set((field["aria-describedby"] or "").split()) <= set(outline.ids)
    assert len((field["aria-describedby"] or "").split()) == 2
    assert outline.first("label")["for"] == field["id"]
    assert field["value"] == HOSTILE
    assert "<script>" not in text


@pytest.mark.parametrize(
    "call",
    [
        'password("p", "Password", error="Too short")',
        'number("n", "Stop at", unit="EUR", error="Too low")',
        'textarea("t", "Why", error="Too long")',
        'select("s", "Country", [("de", "Germany")], error="Choose one")',
        'checkbox("c", "Terms", error="Needed")',
    ],
)
def test_every_kind_of_field_points_at_its_error(render: Callable[..., str], call: str) -> None:
    outline = Outline(render('{% import "_ui/form.html" as form %}{{ form.' + call + " }}"))
    control = next(a for tag, a in outline.tags if tag in {"input", "textarea", "select"})
    assert control["aria-invalid"] == "true"
    assert set((control["aria-describedby"] or "").split()) <= set(outline.ids)


def test_a_value_of_zero_is_shown_and_a_missing_one_is_empty(render: Callable[..., str]) -> None:
    source = '{% import "_ui/form.html" as form %}{{ form.number("n", "N", value=value) }}'
    assert Outline(render(source, value=0)).first("input")["value"] == "0"
    assert Outline(render(source, value=None)).first("input")["value"] == ""


def test_the_error_summary_links_to_fields_and_is_silent_without_errors(render: Callable[..., str]) -> None:
    source = '{% import "_ui/form.html" as form %}{{ form.error_summary(problems) }}'
    text = render(source, problems=[("f-email", HOSTILE)])
    assert Outline(text).first("a")["href"] == "#f-email"
    assert "<script>" not in text
    assert render(source, problems=[]).strip() == ""


def test_copying_highlighted_code_copies_its_words_not_its_markup(render: Callable[..., str]) -> None:
    source = '{% from "_ui/code.html" import code_block, inline_copy %}{{ code_block(code) }}{{ inline_copy(code) }}'
    outline = Outline(render(source, code=Markup("<span class='k'>curl</span> \"x\"")))
    buttons = [attributes for tag, attributes in outline.tags if tag == "button"]
    assert buttons[0]["data-copy"] == ""
    assert all("data-copied" in attributes for attributes in buttons)


def test_pages_show_both_ends_a_window_and_true_totals(render: Callable[..., str]) -> None:
    source = (
        '{% from "_ui/find.html" import pagination %}{% macro to(n) %}/x?page={{ n }}{% endmacro %}'
        "{{ pagination(50, 100, to, total=2400, first=1177, last=1200) }}"
    )
    text = render(source)
    linked = re.findall(r'aria-label="Page (\d+)"', text)
    assert linked == ["1", "48", "49", "51", "52", "100"]
    assert 'aria-current="page">50<' in text
    assert "1,177–1,200 of 2,400" in text
    assert text.count("…") == 2


def test_the_first_and_last_page_offer_no_way_out(render: Callable[..., str]) -> None:
    source = (
        '{% from "_ui/find.html" import pagination %}{% macro to(n) %}/x?page={{ n }}{% endmacro %}'
        "{{ pagination(page, pages, to) }}"
    )
    assert 'rel="prev"' not in render(source, page=1, pages=3)
    assert 'rel="next"' not in render(source, page=3, pages=3)
    assert "rel=" not in render(source, page=1, pages=1)


def test_a_sorted_column_says_so_once(render: Callable[..., str]) -> None:
    text = render(
        '{% from "_ui/table.html" import table, cell %}'
        '{% call table([{"label": "Time", "sort": "?s=t", "sorted": "descending"},'
        ' {"label": "Cost", "number": true}], "Log") %}'
        '<tr>{{ cell("14:05", "Time", head=true) }}{{ cell(amount, "Cost", number=true) }}</tr>{% endcall %}',
        amount=HOSTILE,
    )
    assert re.findall(r'aria-sort="(\w+)"', text) == ["descending"]
    assert 'scope="row"' in text
    assert 'data-label="Cost"' in text
    assert "<script>" not in text


def test_a_card_escapes_what_providers_write(render: Callable[..., str]) -> None:
    source = '{% from "_ui/card.html" import api_card %}{{ api_card(x, "/a", x, x, x, [(x, x)]) }}'
    assert "<script>" not in render(source, x=HOSTILE)


def test_a_button_that_posts_carries_the_token(look_app: Flask, render: Callable[..., str]) -> None:
    outline = Outline(
        render('{% from "_ui/button.html" import post_button %}{{ post_button("Resume", "/x", fields={"a": 1}) }}')
    )
    hidden = {a["name"]: a["value"] for tag, a in outline.tags if tag == "input"}
    assert hidden["csrf_token"]
    assert hidden["a"] == "1"


def test_a_name_keeps_its_colour_and_finds_a_letter() -> None:
    assert hue_of("Exchange rates") == hue_of(" exchange RATES ")
    assert {hue_of(f"API {n}") for n in range(200)} == set(range(1, 9))
    assert [initial_of(name) for name in ("tide", "übersicht", "42 Films", "—", "", "日本", "ßeta")] == [
        "T", "Ü", "4", "·", "·", "日", "S",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("share", "width"),
    [
        (0, "0%"),
        (-1, "0%"),
        (0.0001, "0.50%"),
        (0.5, "50%"),
        (0.123, "12.30%"),
        (1, "100%"),
        (7, "100%"),
        (float("nan"), "0%"),
    ],
)
def test_a_bar_never_overflows_and_a_little_is_seen(share: float, width: str) -> None:
    assert bar_width(share) == width


@pytest.mark.parametrize("values", [[], [0], [5], [0, 0, 0], [1e12, -3, 2], [-5, -1]])
def test_a_sparkline_stays_in_its_box(values: list[float]) -> None:
    text = sparkline(values, HOSTILE)
    heights = [float(y) for y in re.findall(r"[ML]-?[\d.]+ (-?[\d.]+)", text)]
    assert all(0 <= y <= 32 for y in heights)
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (0, [0, 1]),
        (9, [0, 5, 10]),
        (7, [0, 2, 4, 6, 8]),
        (1000, [0, 500, 1000]),
        (0.3, [0, 0.1, 0.2, 0.3]),
    ],
)
def test_axes_count_in_round_steps(top: float, expected: list[float]) -> None:
    found = ticks(top)
    assert found[-1] >= top * 0.999
    assert found == pytest.approx(expected)


def test_a_chart_cannot_leave_its_script_element(look_app: Flask) -> None:
    with look_app.test_request_context("/"):
        chart = chart_data(["</script>", "b"], [Series("</script><b>", [1, 2])], unit="<!--", marks=[(0, "</script>")])
    assert "<" not in chart.json
    assert json.loads(chart.json)["series"][0]["name"] == "</script><b>"
    assert "</script>" not in chart.svg


@pytest.mark.parametrize("kind", ["bar", "line"])
@pytest.mark.parametrize("values", [[], [0], [0, 0], [3, 0, 10**12]])
def test_a_chart_draws_any_amount_of_data(look_app: Flask, kind: Any, values: list[int]) -> None:
    labels = [str(n) for n in range(len(values))]
    with look_app.test_request_context("/"):
        chart = chart_data(
            labels, [Series("Calls", values), Series("Before", values, faint=True)], kind=kind, partial=True
        )
    heights = [float(h) for h in re.findall(r'height="([\d.]+)%"', chart.svg)]
    assert all(0 <= height <= 100 for height in heights)


def test_a_stack_is_as_high_as_its_sum(look_app: Flask) -> None:
    with look_app.test_request_context("/"):
        chart = chart_data(["a", "b"], [Series("Billed", [6, 1], 1), Series("Not billed", [4, 1], 2)])
    found = re.findall(
        r'<rect class="(c\d)[^"]*" x="([\d.]+)%" y="([\d.]+)%" width="[\d.]+%" height="([\d.]+)%"', chart.svg
    )
    assert [slot for slot, *_ in found] == ["c1", "c2", "c1", "c2"]
    assert sum(float(height) for *_, height in found[:2]) == pytest.approx(80, abs=0.01)  # 10 is the top of the axis
    assert float(found[0][2]) + float(found[0][3]) == pytest.approx(90, abs=0.01)  # stands on the base line


def test_a_chart_of_nothing_says_so_instead_of_drawing_zeros(look_app: Flask, render: Callable[..., str]) -> None:
    with look_app.test_request_context("/"):
        chart = chart_data(["a", "b"], [Series("Calls", [0, 0])])
    assert chart.is_empty
    assert "<rect" not in chart.svg
    text = render('{% from "_ui/figure.html" import chart_box %}{{ chart_box("c", "Calls", chart) }}', chart=chart)
    assert "Nothing in this period yet" in text
    assert "data-chart" not in text


def test_a_previous_period_is_a_line_over_the_bars_and_never_stacked(look_app: Flask) -> None:
    with look_app.test_request_context("/"):
        chart = chart_data(["a", "b"], [Series("Calls", [10, 5]), Series("Before", [4, 8], faint=True)])
    assert chart.svg.count("<rect") == 2
    assert re.search(r'class="faint" x1="25.00%" y1="58.00%" x2="75.00%" y2="26.00%"', chart.svg)
