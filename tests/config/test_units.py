"""Quantities with units: what is accepted, what it is in the base unit, and what is said of the rest."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.contract.units import (
    DURATION,
    FREQUENCY,
    MEMORY,
    SHARE,
    TOKEN_RATE,
    Quantity,
    UnitError,
)

KINDS = (DURATION, MEMORY, TOKEN_RATE, FREQUENCY, SHARE)


@pytest.mark.parametrize(
    ("quantity", "text", "value"),
    [
        (DURATION, "10 min", 600.0),
        (DURATION, "2 s", 2.0),
        (DURATION, "500 ms", 0.5),
        (DURATION, "1.5 h", 5400.0),
        (DURATION, "2s", 2.0),
        (MEMORY, "8188 MiB", 8188.0),
        (MEMORY, "8 GiB", 8192.0),
        (TOKEN_RATE, "40 tok/s", 40.0),
        (FREQUENCY, "0.5/s", 0.5),
        (FREQUENCY, "30 /min", 0.5),
        (SHARE, "5 %", 0.05),
        (SHARE, "10%", 0.1),
        (SHARE, "0 %", 0.0),
    ],
)
def test_a_quantity_is_read_in_its_base_unit(quantity: Quantity, text: str, value: float) -> None:
    """Every unit of the documentation gives exactly the number a person would expect."""
    assert quantity.read(text) == value


@pytest.mark.parametrize(
    ("quantity", "text", "clause"),
    [
        (DURATION, "10", "which has no unit, should be a duration in ms, s, min or h"),
        (DURATION, "10 m", "which has the unit 'm', should be a duration in ms, s, min or h, did you mean 'min'?"),
        (DURATION, "10 MIN", "which has the unit 'MIN', should be a duration in ms, s, min or h, did you mean 'min'?"),
        (DURATION, "10 MiB", "which has the unit 'MiB', should be a duration in ms, s, min or h"),
        (DURATION, "ten min", "which is not a number and a unit, should be a duration in ms, s, min or h"),
        (DURATION, "1e3 s", "which is not a number and a unit, should be a duration in ms, s, min or h"),
        (DURATION, "8,5 s", "which is not a number and a unit, should be a duration in ms, s, min or h"),
        (DURATION, "-1 s", "which is negative, should be a duration in ms, s, min or h"),
        (DURATION, "0 s", "which is nothing at all, should be a duration in ms, s, min or h above zero"),
        (MEMORY, "8 GB", "which has the unit 'GB', should be a memory size in MiB or GiB, did you mean 'GiB'?"),
        (MEMORY, "8 gib", "which has the unit 'gib', should be a memory size in MiB or GiB, did you mean 'GiB'?"),
        (TOKEN_RATE, "40 t/s", "which has the unit 't/s', should be a token rate in tok/s, did you mean 'tok/s'?"),
        (FREQUENCY, "1 Hz", "which has the unit 'Hz', should be a request rate in /s or /min, did you mean '/s'?"),
        (SHARE, "0.05", "which has no unit, should be a share in %"),
        (SHARE, "101 %", "which is more than the whole, should be a share in % up to 100 %"),
    ],
)
def test_a_wrong_unit_is_told_with_the_accepted_ones(quantity: Quantity, text: str, clause: str) -> None:
    """The clause says what is wrong, what would be right, and what was probably meant."""
    with pytest.raises(UnitError, match=f"^{re.escape(clause)}$"):
        quantity.read(text)


@given(st.sampled_from(KINDS), st.decimals(min_value="0.001", max_value=1, places=3), st.data())
def test_a_quantity_is_its_number_times_its_unit(quantity: Quantity, number: object, data: st.DataObject) -> None:
    """For any number and unit the value is the exact product, rounded once."""
    unit = data.draw(st.sampled_from(sorted(quantity.units)))
    space = data.draw(st.sampled_from(["", " ", "  "]))
    assert quantity.read(f"{number}{space}{unit}") == float(Fraction(str(number)) * quantity.units[unit])


@given(
    st.sampled_from(KINDS), st.text(max_size=12) | st.from_regex(r"[-+]?[0-9.]{1,6} ?[a-zA-Z/%]{0,5}", fullmatch=True)
)
def test_any_text_is_a_quantity_or_a_unit_error(quantity: Quantity, text: str) -> None:
    """Nothing that is written can make reading fail in another way, or give less than nothing."""
    try:
        value = quantity.read(text)
    except UnitError as error:
        assert str(error).startswith("which ")  # noqa: PT017 - either outcome is right
    else:
        assert value >= 0
        assert re.search(quantity.pattern, text)


@pytest.mark.parametrize("quantity", KINDS, ids=lambda quantity: quantity.noun)
def test_the_example_of_a_quantity_is_one(quantity: Quantity) -> None:
    """What an error offers as an example can be pasted."""
    assert quantity.read(quantity.example) > 0


@pytest.mark.parametrize("quantity", KINDS, ids=lambda quantity: quantity.noun)
def test_a_near_miss_leads_to_a_real_unit(quantity: Quantity) -> None:
    """A hint never names a unit that would be refused next."""
    assert set(quantity.near_misses.values()) <= set(quantity.units)
