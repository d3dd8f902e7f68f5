"""What changed, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.backoffice.differences import difference

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        (None, None, []),
        (None, {"role": "owner"}, [("role", None, "owner")]),
        ({"role": "owner"}, None, [("role", "owner", None)]),
        ({"a": 1, "b": "x"}, {"a": 1, "b": "y"}, [("b", "x", "y"), ("a", "1", "1")]),
        ({"price": {"amount": 2900}}, {"price": {"amount": 3900}}, [("price.amount", "2900", "3900")]),
        ({"on": True}, {"on": False, "tags": ["ü", None]}, [("on", "true", "false"), ("tags", None, '["ü", null]')]),
        ({"a": {}}, {"a": None}, [("a", "{}", None)]),
    ],
)
def test_changed_fields_come_first(before: Any, after: Any, rows: list[Any]) -> None:
    assert difference(before, after) == rows


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
def test_the_same_on_both_sides_is_no_change(values: dict[str, Any]) -> None:
    assert all(old == new for _name, old, new in difference(values, values))
