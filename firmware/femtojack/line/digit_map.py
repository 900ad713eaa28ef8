"""Digit maps: when is a dialled number complete?

    x        any digit 0-9            [2-9]  one of a range or set, also * and A-D
    0-9 * A-D  itself                 .      the element before it, any number of times (none included)
    T        the rest is silence: complete when the inter-digit timer runs out
    |        or

`#` always ends a number. The notation is that of RFC 3435 2.1.5. A map is run as a set of positions, one bit each.
"""

from micropython import const

NONE = const(0)  # no alternative can match any more
PARTIAL = const(1)  # more digits are needed
TIMED = const(2)  # complete if nothing more comes
COMPLETE = const(3)  # nothing more can come

_DIGITS = "0123456789"
_KEYS = "0123456789*ABCD"
_MOST = const(28)  # elements in one alternative: its positions fit a small integer


class DigitMap:
    """A parsed digit map. ValueError says what is wrong with `text`."""

    def __init__(self, text):
        self._alternatives = [_parse(part) for part in text.split("|")]

    def match(self, digits):
        """NONE, PARTIAL, TIMED or COMPLETE for the digits so far (without `#`)."""
        best = NONE
        for elements in self._alternatives:
            best = max(best, _state(elements, digits))
        # While another alternative could still grow, only silence can decide.
        if best == COMPLETE and any(_state(e, digits) in (PARTIAL, TIMED) for e in self._alternatives):
            return TIMED
        return best


def _parse(text):
    """[(keys, repeats)], keys None for T."""
    elements = []
    i = 0
    while i < len(text):
        keys, i = _element(text, i)
        repeats = text[i : i + 1] == "."
        i += repeats
        if keys is None and (repeats or i < len(text)):
            raise ValueError("T stands at the end")
        elements.append((keys, repeats))
    if not elements or elements[0][0] is None or len(elements) > _MOST:
        raise ValueError(f"an alternative has 1..{_MOST} elements and starts with a digit")
    return elements


def _element(text, i):
    c = text[i]
    if c == "x":
        return _DIGITS, i + 1
    if c == "T":
        return None, i + 1
    if c == "[":
        end = text.find("]", i)
        if end < 0:
            raise ValueError("[ without ]")
        return _set(text[i + 1 : end]), end + 1
    if c not in _KEYS:
        raise ValueError(f"{c!r} is no digit and no sign of a digit map")
    return c, i + 1


def _set(text):
    keys = ""
    i = 0
    while i < len(text):
        if text[i + 1 : i + 2] == "-" and i + 2 < len(text):
            first, last = _KEYS.find(text[i]), _KEYS.find(text[i + 2])
            if not 0 <= first <= last:
                raise ValueError(f"{text[i : i + 3]} is no range")
            keys += _KEYS[first : last + 1]
            i += 3
        elif text[i] in _KEYS:
            keys += text[i]
            i += 1
        else:
            raise ValueError(f"{text[i]!r} is no digit")
    if not keys:
        raise ValueError("[] is empty")
    return keys


def _state(elements, digits):
    """What one alternative says. Bit i of `here`: the next digit may match element i; the last bit: matched."""
    here = _skip(elements, 1)
    for digit in digits:
        following = 0
        for i, (keys, repeats) in enumerate(elements):
            if here >> i & 1 and keys is not None and digit in keys:
                following |= 1 << (i if repeats else i + 1)
        here = _skip(elements, following)
    if not here:
        return NONE
    end = len(elements)
    timed = elements[-1][0] is None
    if here >> (end - 1 if timed else end) & 1 and digits:
        return TIMED if timed or here & ((1 << end) - 1) else COMPLETE
    return PARTIAL


def _skip(elements, here):
    """Elements that repeat may also be passed over."""
    for i, (_, repeats) in enumerate(elements):
        if repeats and here >> i & 1:
            here |= 1 << (i + 1)
    return here
