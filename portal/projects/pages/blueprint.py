"""One blueprint for the pages of projects."""

from flask import Blueprint

bp = Blueprint("projects", __name__)
