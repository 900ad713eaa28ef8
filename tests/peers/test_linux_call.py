"""A call from a Linux machine: its programs play and record, its HID lifts the hook, and a softphone is the far end."""

import numpy as np
from accounts import FAR_HZ, FAR_USER, NEAR_HZ, account
from linux_usb.fixtures import usb_port
from programs import needs, realtime
from tone_figures import check_tone, tone

from femtohost import audio

pytestmark = [needs("kamailio", package="kamailio"), needs("baresip", package="baresip-core")]

DIAL, HANG_UP = 1, 3  # commands of the feature report
TALKING_S = 4


def command(linux, number, operand=b""):
    """Give the box a command and wait until it is done."""
    taken = linux.feature(b"")[4]
    linux.feature((bytes((number,)) + operand).ljust(64, b"\0"))
    while (status := linux.feature(b""))[4] == taken:
        pass
    assert status[3] == 0


def talk(linux, box, baresip):
    """One call; what the Linux machine recorded."""
    command(linux, DIAL, FAR_USER.encode())
    box.event("call", state="talking")
    baresip.wait("CALL_ESTABLISHED")
    linux.sound(tone(NEAR_HZ, TALKING_S).astype("<i2").tobytes(), record=True)
    told, octets = linux.finish_sound()
    assert {kind: complaint for kind, (_, complaint) in told.items()} == {"p": "", "c": ""}
    command(linux, HANG_UP)
    baresip.wait("CALL_CLOSED")
    box.event("call", state="idle")
    return octets


def test_a_call_is_heard_at_both_ends(linux, run_box, kamailio, run_baresip):
    box = run_box("--usbip", "127.0.0.1:0", sip=account(kamailio.server))
    box.event("registered", ok=True)
    baresip = run_baresip(answers=True)
    linux.attach(usb_port(box))
    with realtime(linux.process, box.process, baresip):
        octets = talk(linux, box, baresip)
    linux.close_files()
    linux.detach()
    check_tone(np.frombuffer(octets, "<i2"), FAR_HZ, 3)
    check_tone(audio.load(baresip.heard()[0]), NEAR_HZ, 3)
