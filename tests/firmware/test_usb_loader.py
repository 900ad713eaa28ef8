"""An update by feature reports: on the commands alone."""

import pytest
from flash_bench import Bench, Restart, make_image
from hypothesis import given, settings
from hypothesis import strategies as st

from femtojack.usb.loader import Loader

NEW = make_image(2, b"new" * 300)


@pytest.fixture
def bench():
    return Bench().provision()


def data(offset, octets):
    return b"\x06" + offset.to_bytes(4, "little") + bytes((len(octets),)) + octets.ljust(58, b"\0")


def begin(total):
    return (b"\x05" + total.to_bytes(4, "little")).ljust(64, b"\0")


def taken(loader):
    return int.from_bytes(loader.report()[4:8], "little")


def send(bench, boot, loader, image):
    """As a PC does: what is refused comes again a millisecond later."""
    assert loader.obey(begin(len(image)), bench.now)
    while taken(loader) < len(image) and boot.updater.state == "RECEIVING":
        at = taken(loader)
        loader.obey(data(at, image[at : at + 58]), bench.now)
        boot.updater.step(bench.now)
        bench.wait_ms(1)
    assert loader.obey(b"\x07".ljust(64, b"\0"), bench.now)
    bench.run(boot.updater, lambda: boot.updater.state == "IDLE")


def test_an_update(bench):
    boot = bench.boot()
    loader = Loader(boot)
    assert loader.report() == b"\x00\x00\x00\x00" + bytes(4)
    with pytest.raises(Restart):
        send(bench, boot, loader, NEW)
    assert loader.report()[:4] == b"\x03\x02\x00\x00" and taken(loader) == len(NEW)
    boot = bench.boot()
    assert Loader(boot).report()[1:4] == b"\x02\x01\x01"
    bench.run(boot.updater, lambda: boot.updater.state == "TESTING")
    bench.run(boot.updater, lambda: boot.updater.state == "IDLE")
    assert Loader(boot).report()[1:4] == b"\x03\x01\x00"


def test_data_come_once(bench):
    boot = bench.boot()
    loader = Loader(boot)
    assert loader.obey(data(0, b"x"), 0) is False
    loader.obey(begin(len(NEW)), 0)
    assert loader.obey(data(0, NEW[:58]), 0) is True and taken(loader) == 58
    assert loader.obey(data(0, NEW[:58]), 0) is True and taken(loader) == 58  # its answer was lost
    assert loader.obey(data(59, NEW[59:60]), 0) is False
    assert loader.obey(data(57, NEW[57:60]), 0) is False
    assert loader.obey(data(58, NEW[58:116]), 0) is True and taken(loader) == 116


def test_data_without_room_are_refused_whole(bench):
    boot = bench.boot()
    loader = Loader(boot)
    loader.obey(begin(len(NEW)), 0)
    at = 0
    while loader.obey(data(at, NEW[at : at + 58]), 0):
        at += 58
    assert taken(loader) == at > 900
    assert loader.obey(b"\x08", 0) is True and loader.obey(data(at, b"x"), 0) is False


def test_a_fault_is_told(bench):
    for copy in range(3):
        bench.put("identity", b"\0" * 16, copy * 0x10000)
    assert Loader(bench.boot()).report()[3] == 2
    bench.put("golden", b"\0" * 16)
    assert Loader(bench.again().boot()).report()[2:4] == b"\xff\x02"


@given(
    st.lists(st.one_of(st.binary(max_size=70), st.sampled_from([begin(len(NEW)), data(0, NEW[:58]), b"\x07", b"\x08"])))
)
@settings(max_examples=200, deadline=None)
def test_any_commands_end_in_a_refusal(commands):
    bench = Bench().provision()
    boot = bench.boot()
    loader = Loader(boot)
    for command in commands:
        assert loader.obey(command, bench.now) in (True, False, None)
        boot.updater.step(bench.now)
        bench.wait_ms(2)
    assert bench.again().boot().slot == "golden"
