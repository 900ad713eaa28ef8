"""The GSM 7-bit default alphabet and its packing (TS 23.038 6.1.2, 6.2.1)."""

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
ESCAPE = 0x1B
_CODES = {letter: (code,) for code, letter in enumerate(ALPHABET) if code != ESCAPE}
_CODES |= {letter: (ESCAPE, code) for code, letter in EXTENSION.items()}


def septets(text):
    """The codes of `text`; ValueError names a letter that the alphabet has not."""
    codes = []
    for letter in text:
        if letter not in _CODES:
            raise ValueError(f"{letter!r} is not in the GSM default alphabet (TS 23.038 6.2.1)")
        codes += _CODES[letter]
    return codes


def pack(text):
    """(octets, number of septets)."""
    codes = septets(text)
    bits = sum(code << 7 * i for i, code in enumerate(codes))
    return bits.to_bytes((7 * len(codes) + 7) // 8, "little"), len(codes)


def unpack(octets, count):
    """The text of `count` septets in `octets`."""
    bits = int.from_bytes(octets, "little")
    codes = [bits >> 7 * i & 0x7F for i in range(min(count, 8 * len(octets) // 7))]
    text, escaped = "", False
    for code in codes:
        if escaped:
            text, escaped = text + EXTENSION.get(code, " "), False
        elif code == ESCAPE:
            escaped = True
        else:
            text += ALPHABET[code]
    return text
