"""Amounts and their text."""

import pytest
from berth.core.errors import BerthError
from berth.core.money import MAX_MINOR, Currency, minor_text, parse_minor
from hypothesis import given
from hypothesis import strategies as st

EUR = Currency("tEUR", 6)


@pytest.mark.parametrize(
    ("minor", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (12_340_000, "12.34"),
        (12_345_678, "12.345678"),
        (12_300_000, "12.30"),
        (-1_500_000, "-1.50"),
    ],
)
def test_amounts_show_two_decimals_and_as_many_more_as_they_need(minor, text):
    assert EUR.format(minor) == text


def test_currencies_with_fewer_decimals_show_fewer():
    assert Currency("JPY", 0).format(1200) == "1200"
    assert Currency("X", 1).format(15) == "1.5"
    assert EUR.label(2_500_000) == "2.50 tEUR"


@given(st.integers(0, MAX_MINOR), st.integers(0, 36))
def test_every_amount_reads_back_as_itself(minor, decimals):
    currency = Currency("X", decimals)
    assert currency.parse(currency.format(minor)) == minor
    assert parse_minor(minor_text(minor)) == minor


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e3", "01", ".5", "1.", "1,5", " 1", "1 ", "٣", "NaN", None, 5, 1.5]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(BerthError) as refused:
        EUR.parse(text, "maxCost")
    assert (refused.value.code, refused.value.field) == ("money.invalid", "maxCost")


def test_an_amount_is_never_rounded():
    assert EUR.parse("1.5000000000") == 1_500_000
    with pytest.raises(BerthError, match="more than the 6 decimals"):
        EUR.parse("0.0000001")


def test_amounts_beyond_128_bits_are_refused():
    with pytest.raises(BerthError) as refused:
        Currency("X", 0).parse(str(MAX_MINOR + 1))
    assert refused.value.code == "money.range"
    with pytest.raises(BerthError):
        parse_minor("9" * 5000)
    with pytest.raises(BerthError):
        minor_text(-1)


@pytest.mark.parametrize(("symbol", "decimals"), [("", 6), ("X" * 33, 6), ("X", -1), ("X", 37)])
def test_a_currency_without_sense_is_refused(symbol, decimals):
    with pytest.raises(BerthError):
        Currency(symbol, decimals)
