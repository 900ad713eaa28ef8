"""Digit maps, beside a second reading of the notation by regular expressions."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtojack.line.digit_map import COMPLETE, NONE, PARTIAL, TIMED, DigitMap


@pytest.mark.parametrize(
    ("plan", "digits", "state"),
    [
        ("x.T", "", PARTIAL),
        ("x.T", "5", TIMED),
        ("x.T", "*5", NONE),
        ("xxx", "55", PARTIAL),
        ("xxx", "555", COMPLETE),
        ("xxx", "5555", NONE),
        ("[2-9]xx", "155", NONE),
        ("[*2-4]x", "*1", COMPLETE),
        ("0T|00xxT|911", "0", TIMED),
        ("0T|00xxT|911", "00", PARTIAL),
        ("0T|00xxT|911", "0012", TIMED),
        ("0T|00xxT|911", "911", COMPLETE),
        ("9|911", "9", TIMED),
        ("x.", "5", TIMED),
        ("*xx|x.T", "*69", COMPLETE),
    ],
)
def test_states(plan, digits, state):
    assert DigitMap(plan).match(digits) == state


@pytest.mark.parametrize("plan", ["", "|", "T", "xT.", "xTx", "[2-", "[]", "[9-2]", "x,", "y", ".x" * 0 + "x" * 29])
def test_what_is_no_digit_map_is_refused(plan):
    with pytest.raises(ValueError, match=r"\S"):
        DigitMap(plan)


elements = st.sampled_from(["x", "5", "*", "[2-4]", "[05]", "x.", "3."])
alternatives = st.lists(elements, min_size=1, max_size=5).map("".join)
plans = st.lists(alternatives, min_size=1, max_size=3)


def expression(alternative):
    """The same alternative as a regular expression."""
    text = alternative.replace("*", r"\*").replace("x", "[0-9]")
    return re.sub(r"\.", "*", text)


@given(plans, st.text("0345*", min_size=1, max_size=7))
def test_a_number_can_be_placed_exactly_when_an_alternative_matches_it(plan, digits):
    matches = any(re.fullmatch(expression(a), digits) for a in plan)
    assert (DigitMap("|".join(plan)).match(digits) in (TIMED, COMPLETE)) == matches


@given(plans, st.text("0345*", min_size=1, max_size=6), st.sampled_from("0345*"))
def test_after_none_nothing_helps_and_after_complete_nothing_fits(plan, digits, more):
    digit_map = DigitMap("|".join(plan))
    if digit_map.match(digits) in (NONE, COMPLETE):
        assert digit_map.match(digits + more) == NONE


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    with suppress(ValueError):
        DigitMap(text).match("123")
