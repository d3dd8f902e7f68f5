"""CSV for spreadsheets: quoted, and nothing in it can run."""

from __future__ import annotations

import csv
import io

import pytest

from portal.kit.csv_lines import csv_lines


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠1", "\n=1"])
def test_a_cell_that_would_be_a_formula_is_text(hostile: str) -> None:
    (row,) = csv.reader(io.StringIO("".join(csv_lines([hostile], []))))
    assert row == ["'" + hostile]


def test_text_survives_and_numbers_stay_numbers() -> None:
    cells = ['a "quoted" word', "two\r\nlines", "semi;colon,comma", 42, -7, None, ""]
    raw = "".join(csv_lines(["h"] * 7, [cells]))
    assert raw.endswith("\r\n")
    assert ",42,-7,," in raw
    assert list(csv.reader(io.StringIO(raw, newline="")))[1] == [*cells[:3], "42", "-7", "", ""]


def test_long_exports_come_in_pieces() -> None:
    pieces = list(csv_lines(["n"], ([n] for n in range(2_000))))
    assert len(pieces) > 3
    assert sum(piece.count("\r\n") for piece in pieces) == 2_001
