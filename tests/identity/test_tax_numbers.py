"""Tax numbers: held to the form of their country, written as invoices carry them, and nothing more claimed."""

from __future__ import annotations

import pytest

from portal.identity.tax_numbers import NotATaxNumber, kind_of, read_tax_number


@pytest.mark.parametrize(
    ("country", "typed", "written"),
    [
        ("DE", "DE 136 695 976", "DE136695976"),
        ("DE", "136695976", "DE136695976"),
        ("AT", "de136695976", "DE136695976"),  # a member's number with another member's address
        ("GR", "EL 094259216", "EL094259216"),
        ("GR", "094259216", "EL094259216"),
        ("NL", "NL4495445B01", "NL004495445B01"),
        ("GB", "GB 980 7806 84", "GB980780684"),
        ("CH", "CHE-107.787.577 IVA", "CHE-107.787.577 IVA"),
        ("NO", "NO 995 525 828 MVA", "995525828MVA"),
        ("US", "91 1144442", "91-1144442"),
        ("AU", "83 914 571 673", "83914571673"),
    ],
)
def test_a_number_is_written_as_invoices_carry_it(country: str, typed: str, written: str) -> None:
    assert read_tax_number(country, typed) == written
    assert kind_of(country) is not None


@pytest.mark.parametrize(
    ("country", "typed"),
    [("DE", "DE136695977"), ("DE", "hello"), ("US", "1"), ("GB", "GB1"), ("JP", "1234567890123"), ("", "DE136695976"),
     ("DE", "DE" + "1" * 5000), ("FR", "\u0661\u0662"), ("CH", "CHE")],
)  # fmt: skip
def test_what_has_not_the_form_is_refused(country: str, typed: str) -> None:
    with pytest.raises(NotATaxNumber):
        read_tax_number(country, typed)
