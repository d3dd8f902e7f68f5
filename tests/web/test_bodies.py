"""What a request body or query may hold, before any feature reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, ValidationError

from portal.web.bodies import Instant


class Asked(BaseModel):
    as_of: Instant


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_an_instant_whose_utc_lies_outside_the_calendar_is_refused_in_words(edge: str) -> None:
    with pytest.raises(ValidationError, match="within the years 1 to 9999"):
        Asked.model_validate({"as_of": edge})


def test_an_instant_with_an_offset_is_kept_as_utc() -> None:
    assert Asked.model_validate({"as_of": "2026-01-01T02:00:00+02:00"}).as_of == datetime(2026, 1, 1, tzinfo=UTC)
