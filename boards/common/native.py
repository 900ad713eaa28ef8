"""The native code: a module in the image, or femtovoice.mpy in the file system."""


def load():
    """The module `femtovoice`. ImportError: one line that tells how to get it."""
    try:
        import femtovoice  # pyright: ignore[reportMissingImports]
    except (ImportError, ValueError) as error:  # ValueError: an .mpy for another core
        raise ImportError(f"femtovoice: {error}; `femtojack board deploy` builds it and puts it there") from None
    return femtovoice
