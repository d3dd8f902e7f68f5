"""Parts of pages that are kept: rendered once for equal inputs, per language and time zone, and never what was no input."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, render_template_string
from flask_babel import force_locale
from markupsafe import Markup

from portal.web.fragments import Fragments, StaleFragment

PART = '{% call kept("part", a) %}<p>{{ a }} {{ _("Close") }} {{ said() }}</p>{% endcall %}'


def saying(*words: str) -> Callable[[], Markup]:
    left = iter(words)
    return lambda: Markup(next(left))  # noqa: S704 - words of this file


def test_equal_inputs_are_rendered_once() -> None:
    fragments, render = Fragments(), saying("first", "second")
    assert [fragments.get(("part", 1), render) for _time in range(3)] == ["first"] * 3
    assert fragments.get(("part", 2), render) == "second"


def test_what_was_not_used_for_long_goes_when_there_is_no_room() -> None:
    fragments = Fragments(most_characters=600)
    for key, text in (("a", "a" * 300), ("b", "b"), ("a", "unused"), ("c", "c" * 280)):
        fragments.get(key, saying(text))
    assert fragments.get("b", saying("again")) == "again"
    assert fragments.get("huge", saying("h" * 601)) == "h" * 601
    assert fragments.get("huge", saying("not kept")) == "not kept"


def test_each_language_has_its_own(app: Flask) -> None:
    with app.test_request_context():
        english = render_template_string(PART, a="<b>", said=lambda: "")
        with force_locale("de"):
            german = render_template_string(PART, a="<b>", said=lambda: "")
    assert (english, german) == ("<p>&lt;b&gt; Close </p>", "<p>&lt;b&gt; Schließen </p>")


def test_a_part_that_says_more_than_its_inputs_is_found_out(app: Flask) -> None:
    said = saying("once", "twice")
    with app.test_request_context():
        render_template_string(PART, a=1, said=said)
        with pytest.raises(StaleFragment):
            render_template_string(PART, a=1, said=said)


def test_an_input_that_cannot_be_compared_is_refused(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(TypeError):
        render_template_string(PART, a=["a list"], said=lambda: "")
