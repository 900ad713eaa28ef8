import pytest

from femtohost.running import RunningBox


@pytest.fixture
def start(tmp_path):
    """`start(config, *arguments, name="box") -> RunningBox`; all are killed in the end."""
    started = []

    def start(config="", *arguments, name="box"):
        started.append(RunningBox(tmp_path / name, config, *arguments))
        return started[-1]

    yield start
    for box in started:
        box.kill()
