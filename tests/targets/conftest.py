import time

import pytest

from femtohost.errors import UserError
from femtohost.targets import interpreter


@pytest.fixture
def micropython():
    """The MicroPython interpreter of this machine."""
    program = interpreter.find()
    if program is None:
        pytest.skip(f"no MicroPython here: {interpreter.HINT}")
    return program


@pytest.fixture(scope="session")
def qemu(pytestconfig):
    """The module that runs things in QEMU, its image built: for `pytest --target qemu`."""
    if pytestconfig.getoption("--target") != "qemu":
        pytest.skip("runs with --target qemu")
    from femtohost.targets import qemu
    from femtohost.toolchain import qemu_image

    try:
        qemu.command("mps2-an385")
        begin = time.monotonic()
        qemu_image.build()
        print(f"image for QEMU: {time.monotonic() - begin:.1f} s")
    except UserError as error:
        pytest.skip(str(error))
    return qemu
