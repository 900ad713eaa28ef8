import pytest
from boot import boot

from femtohost.running import RunningBox


def starter(folder, started):
    """`start(config, *arguments, name="box") -> RunningBox`."""

    def start(config="", *arguments, name="box"):
        started.append(RunningBox(folder / name, config, *arguments))
        return started[-1]

    return start


@pytest.fixture
def start(tmp_path):
    """`start(config, *arguments, name="box") -> RunningBox`; all are killed in the end."""
    started = []
    yield starter(tmp_path, started)
    for box in started:
        box.kill()


@pytest.fixture(scope="session")
def lasting(tmp_path_factory):
    """A box that runs as long as the tests, for `box`."""
    box = RunningBox(tmp_path_factory.mktemp("lasting") / "box")
    yield box
    box.kill()


@pytest.fixture
def box(lasting):
    """A box as every box begins: it has booted, the telephone is on-hook, and there is no event of earlier."""
    return boot(lasting)


@pytest.fixture(scope="module")
def start_module(tmp_path_factory):
    """The same for a whole module."""
    started = []
    yield starter(tmp_path_factory.mktemp("boxes"), started)
    for box in started:
        box.kill()
