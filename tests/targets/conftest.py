import pytest

from femtohost.targets import interpreter


@pytest.fixture
def micropython():
    """The MicroPython interpreter of this machine."""
    program = interpreter.find()
    if program is None:
        pytest.skip(f"no MicroPython here: {interpreter.HINT}")
    return program
