import pytest

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


@pytest.fixture(scope="module")
def start_module(tmp_path_factory):
    """The same for a whole module."""
    started = []
    yield starter(tmp_path_factory.mktemp("boxes"), started)
    for box in started:
        box.kill()
