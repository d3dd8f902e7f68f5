"""Which changes of an API break a caller: the rules, one line each. docs/algorithms/changes.md explains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Place = Literal["operation", "parameter", "body", "answer"]

# What happened, and whether a program that worked before may fail now without having been touched.
BREAKS: Mapping[str, bool] = {
    "operation added": False,
    "operation removed": True,
    "operation deprecated": False,
    "operation no longer deprecated": False,
    "parameter added": False,
    "required parameter added": True,
    "parameter removed": True,
    "parameter now required": True,
    "parameter now optional": False,
    "parameter type changed": True,
    "parameter type widened": False,
    "parameter value added": False,
    "parameter value removed": True,
    "parameter limit tightened": True,
    "parameter limit loosened": False,
    "body added": False,
    "required body added": True,
    "body removed": True,
    "body now required": True,
    "body now optional": False,
    "body format added": False,
    "body format removed": True,
    "body field added": False,
    "required body field added": True,
    "body field removed": True,
    "body field now required": True,
    "body field now optional": False,
    "body field type changed": True,
    "body field type widened": False,
    "body field value added": False,
    "body field value removed": True,
    "body field limit tightened": True,
    "body field limit loosened": False,
    "answer added": False,
    "answer removed": True,
    "error answer removed": False,
    "answer format added": False,
    "answer format removed": True,
    "answer field added": False,
    "answer field removed": True,
    "answer field no longer promised": True,
    "answer field now promised": False,
    "answer field type changed": True,
    "answer field type narrowed": False,
    "answer field value added": True,
    "answer field value removed": False,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `name` says where within the operation; `before` and `after` are as the documents write them."""

    kind: str
    place: Place
    name: str = ""
    before: str = ""
    after: str = ""

    @property
    def breaks(self) -> bool:
        """True when a caller of the old version may fail on the new one."""
        return BREAKS[self.kind]
