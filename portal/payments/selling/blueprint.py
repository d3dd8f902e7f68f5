"""One blueprint for what a project sells and to whom."""

from flask import Blueprint

bp = Blueprint("selling", __name__)
