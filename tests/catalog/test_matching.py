"""Which operation a logged call was."""

from __future__ import annotations

from portal.catalog.matching import count_by_operation
from portal.catalog.types import OperationLine


def line(method: str, path: str) -> OperationLine:
    return OperationLine(f"{method} {path}", method, path, "", "", False)


KNOWN = [line("get", "/rates/{base}"), line("get", "/rates/latest"), line("post", "/rates/latest"), line("get", "/"),
         line("get", "/files/{name}.json"), line("get", "/{from}..{to}/days")]  # fmt: skip


def found(method: str, path: str) -> list[str]:
    return list(count_by_operation(KNOWN, [(method, path, 3)], "/kestrel/rates"))


def test_a_written_out_segment_wins_over_a_parameter() -> None:
    assert found("GET", "/kestrel/rates/rates/latest") == ["get /rates/latest"]
    assert found("GET", "/kestrel/rates/rates/EUR") == ["get /rates/{base}"]


def test_method_and_number_of_segments_count() -> None:
    assert found("POST", "/kestrel/rates/rates/latest") == ["post /rates/latest"]
    assert found("DELETE", "/kestrel/rates/rates/latest") == []
    assert found("GET", "/kestrel/rates/rates/latest/more") == []
    assert found("GET", "/kestrel/rates/rates/latest/") == ["get /rates/latest"]
    assert found("GET", "/kestrel/rates") == ["get /"]


def test_what_is_written_around_a_parameter_must_be_there() -> None:
    assert found("GET", "/kestrel/rates/files/a.json") == ["get /files/{name}.json"]
    assert found("GET", "/kestrel/rates/files/a.xml") == []
    assert found("GET", "/kestrel/rates/1..9/days") == ["get /{from}..{to}/days"]


def test_calls_of_one_operation_add_up() -> None:
    calls = [("GET", "/k/rates/EUR", 2), ("get", "/k/rates/USD", 5), ("GET", "/k/none", 7)]
    assert count_by_operation(KNOWN, calls, "/k") == {"get /rates/{base}": 7}
