"""Showing a delivery's body to a person: what opens a door is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = "…"
# Secrets of a browser's payment, and pages that anybody may open who knows their address.
_SECRET = re.compile(r"(secret|token|password|api_key|fingerprint)$|^(url|.*_url|invoice_pdf)$", re.IGNORECASE)
_OURS = frozenset(("success_url", "cancel_url", "return_url", "list_url"))
LONGEST = 200_000


def shown(raw: bytes) -> str:
    """Return a body indented, with secrets left out; what is no JSON is shown as text with odd bytes replaced."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return raw[:LONGEST].decode(errors="replace")
    return json.dumps(without_secrets(body), indent=2, ensure_ascii=False)[:LONGEST]


def without_secrets(value: Any) -> Any:
    """Return a JSON value with what opens a door replaced. A list's own `url` is an address of the API and stays."""
    if isinstance(value, Mapping):
        return {name: _kept(name, inner, value) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return value


def _kept(name: str, inner: Any, holder: Mapping[str, Any]) -> Any:
    is_secret = _SECRET.search(name) and name not in _OURS and holder.get("object") != "list"
    return LEFT_OUT if is_secret and isinstance(inner, str) else without_secrets(inner)
