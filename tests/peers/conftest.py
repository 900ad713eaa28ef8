"""The programs of a test: a kamailio, a baresip, boxes that run, and Wireshark looking on."""

import json

import pytest
from accounts import BOX_USER, FAR_HZ, FAR_USER, account
from baresip import Baresip
from capture import Capture, why_not
from kamailio import DOMAIN, PASSWORD, Kamailio
from linux_usb.fixtures import disc, linux, pc, usb_box  # noqa: F401
from osmocom.fixtures import network, um_phones  # noqa: F401
from programs import PATIENCE
from tone_figures import tone

from femtohost import audio
from femtohost.running import RunningBox


@pytest.fixture
def kamailio(tmp_path):
    """A registrar and proxy."""
    server = Kamailio(tmp_path / "kamailio")
    yield server
    server.stop()


@pytest.fixture
def run_box(tmp_path):
    """`run_box(*arguments, seed=1, **sections of gateway.toml) -> RunningBox`, its line in service.

    All end with the test.
    """
    boxes = []

    def run(*arguments, seed=1, **sections):
        config = "".join(f"[{name}]\n{_table(values)}" for name, values in sections.items())
        boxes.append(RunningBox(tmp_path / f"box{len(boxes)}", config, "--seed", str(seed), *arguments))
        boxes[-1].until(lambda: boxes[-1].ctl("status")["line"] == "on-hook")
        return boxes[-1]

    yield run
    for box in boxes:
        box.kill()


def _table(values):
    """The lines of a TOML table; JSON's numbers and plain strings are TOML's too."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


@pytest.fixture
def running_box(run_box, kamailio):
    """A box that is registered at `kamailio` as BOX_USER."""
    box = run_box(sip=account(kamailio.server))
    kamailio.wait_bound(BOX_USER)
    box.event("registered", ok=True)
    return box


@pytest.fixture
def run_baresip(tmp_path, kamailio):
    """`run_baresip(answers=False) -> Baresip`, registered as FAR_USER; it says a tone of FAR_HZ."""
    phones = []

    def run(answers=False):
        speaks = tmp_path / "far.wav"
        audio.save(speaks, tone(FAR_HZ, PATIENCE))  # at the end of its file it hangs up
        phones.append(
            Baresip(
                tmp_path / "baresip", user=FAR_USER, password=PASSWORD, domain=DOMAIN, server=kamailio.server,
                speaks=speaks, answers=answers,
            )
        )  # fmt: skip
        kamailio.wait_bound(FAR_USER)
        return phones[-1]

    yield run
    for phone in phones:
        phone.stop()


@pytest.fixture
def watched(tmp_path):
    """`watched(*sip_ports)` at the end of a test: Wireshark saw SIP, with `rtp` RTP too, and nothing broken.

    Without Wireshark it does nothing; test_wireshark.py tells.
    """
    capture = None if why_not() else Capture(tmp_path / "loopback.pcapng")

    def check(*sip_ports, rtp=False):
        if capture is not None:
            capture.stop()
            sip_seen, rtp_seen, complaints = capture.read(*sip_ports)
            assert sip_seen
            assert rtp_seen or not rtp
            assert complaints == []

    yield check
    if capture is not None:
        capture.stop()
