"""The firmware's names, for an image to have: what the image knows takes no place on the heap when the code comes from
elsewhere. MicroPython keeps each name and short text of loaded code once, in tables that only grow.
"""

import ast
import keyword
import token
import tokenize

MODULE = "femtojack_names.py"
INTERNED = 10  # characters; longer texts are objects of their own (MICROPY_ALLOC_PARSE_INTERN_STRING_LEN of 1.25)


def module(sources):
    """Python text that mentions every name and short text of `sources` (paths), and does nothing."""
    names, texts = set(), set()
    for source in sources:
        with open(source, "rb") as file:
            names |= {word.string for word in tokenize.tokenize(file.readline) if word.type == token.NAME}
        parts = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        texts |= {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    names = {name for name in names if not keyword.iskeyword(name)}
    texts = {text for text in texts if len(text) <= INTERNED}
    lines = [f"    f.{name}" for name in sorted(names)] + [f"    f({text!r})" for text in sorted(texts)]
    return "\n".join(["def f(f):", *lines, ""])
