"""The market's blueprint: finding APIs, keeping and comparing them, and the pages of each. Modules beside this one add routes."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("catalog", __name__)
