"""The whole box on the USB port of a PC: disc, sound card and telephone, beside the line and the network."""

import hashlib

import numpy as np
import pytest

RATE = 8000
DISC = np.random.default_rng(4).bytes(2048 * 700)
OUTPUT, FEATURE = 2, 3  # HID report types
OFF_HOOK, RING, MUTE = 1, 2, 4  # indicators of the output report
DIAL, ANSWER, HANG_UP, LOOPBACK = 1, 2, 3, 4  # commands of the feature report


def tone(hz, seconds=1.0, peak=8000, rate=RATE):
    return np.round(peak * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def purity(samples, hz):
    """Share of the power that is at `hz`."""
    x = samples * np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    k = round(hz * len(x) / RATE)
    return spectrum[k - 3 : k + 4].sum() / spectrum[1:].sum()


@pytest.fixture
def pc_box(make_box):
    box = make_box(iso=DISC)
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.usb_host.attach()
    return box


def command(box, *octets):
    """Send a command of the feature report; returns what became of it, and what is told of the box now."""
    box.usb_host.set_report(FEATURE, 0, bytes(octets).ljust(64, b"\0"))
    box.run_for(0.05)
    status = box.usb_host.get_report(FEATURE, 0, 64)
    return status[3], status


def dial(box, number):
    return command(box, DIAL, *number.encode())[0]


def counters(box):
    box.run_for(0.05)  # they are written down every 20 ms
    status = box.usb_host.get_report(FEATURE, 0, 64)
    names = ["commands", "errors", "blocks", "played", "repeated", "dropped", "captured", "lost"]
    return {name: int.from_bytes(status[8 + 4 * i : 12 + 4 * i], "little") for i, name in enumerate(names)}


def well(box):
    """Nothing that a datasheet or the stack forbids, and nothing left behind."""
    box.run_for(35)  # the longest SIP timer, 64 * T1
    assert box.misuse == []
    assert box.app.status()["idle"]
    return box.state("call") == "IDLE"


def test_the_disc_arrives_whole(pc_box):
    found = pc_box.usb_host.read_disc()
    assert hashlib.sha256(found).digest() == hashlib.sha256(DISC).digest()
    assert counters(pc_box)["blocks"] == 700
    assert well(pc_box)


def test_the_serial_number_is_that_of_the_store(pc_box):
    assert pc_box.usb_host.serial == pc_box.store.get("serial").decode()


def test_another_disc_is_noticed(pc_box):
    other = bytes(2048 * 30)
    pc_box.disc.load(other)
    pc_box.run_for(0.1)
    ready = bytes(6)
    assert pc_box.usb_host.scsi(ready).sense == (6, 0x28, 0)
    assert pc_box.usb_host.scsi(ready).status == 0
    assert pc_box.usb_host.read_disc() == other


def test_hook_and_keys_are_reported(pc_box):
    box = pc_box
    box.usb_host.listen()
    box.phone.off_hook()
    box.phone.dial("15#")
    box.run_until(lambda: not box.phone.busy_dialling and box.state("call") == "CALLING", timeout_s=5)
    box.phone.on_hook()
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=3)
    box.run_for(0.1)
    assert b"".join(octets for _, octets in box.usb_host.reports) == bytes.fromhex("20 22 20 26 20 2c 20 00")
    assert well(box)


def test_a_call_from_the_pc_talks_both_ways(pc_box):
    box = pc_box
    box.usb_host.play(tone(700, 30))
    box.usb_host.record()
    assert dial(box, "0815") == 0
    box.run_until(lambda: box.far.state == "in-call", timeout_s=10)
    assert box.far.dialled == "0815"
    box.far.talk(tone(1300))
    box.run_for(3)
    assert purity(box.far.heard()[-RATE:], 700) > 0.99
    assert purity(box.usb_host.recorded[-RATE:], 1300) > 0.99
    assert box.state("fxs") == "ON_HOOK" and not box.phone.ringing
    result, status = command(box, HANG_UP)
    assert (result, status[2]) == (0, 0)
    box.run_until(lambda: box.far.state == "ended", timeout_s=5)
    box.usb_host.stop()
    assert counters(box)["repeated"] == 0
    assert well(box)


def test_the_indicators_hang_up_as_well(pc_box):
    box = pc_box
    box.usb_host.set_report(OUTPUT, 0, bytes([OFF_HOOK]))
    assert dial(box, "1") == 0
    box.run_until(lambda: box.far.state == "in-call", timeout_s=10)
    box.usb_host.set_report(OUTPUT, 0, bytes([0]))
    box.run_until(lambda: box.far.state == "ended", timeout_s=5)
    assert well(box)


def test_the_pc_answers_a_call(pc_box):
    box = pc_box
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    assert command(box, ANSWER)[0] == 0
    box.usb_host.play(tone(900, 10))
    box.run_until(lambda: box.far.state == "in-call", timeout_s=3)
    box.run_for(3)
    assert not box.phone.ringing
    assert purity(box.far.heard()[-RATE:], 900) > 0.99
    box.far.hang_up()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    box.usb_host.stop()
    assert well(box)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_program_on_the_pc_uses_the_telephone(pc_box, rate):
    box = pc_box
    box.usb_host.play(tone(500, 20, rate=rate), rate)
    box.usb_host.record()
    box.phone.off_hook()
    box.run_until(lambda: box.state("call") == "PC_TALKING", timeout_s=3)
    box.run_for(3)
    assert purity(box.phone.earpiece(1.0), 500) > 0.99
    box.phone.talk(tone(1700))
    box.run_for(3)
    heard = box.usb_host.recorded[-RATE:]
    assert purity(heard, 1700) > 0.97  # the canceller takes the echo of what the PC plays
    box.phone.stop_talking()
    box.usb_host.stop()
    box.run_for(2)
    dial_tone = box.phone.earpiece(1.0)
    assert purity(dial_tone, 350) + purity(dial_tone, 440) > 0.99
    box.phone.on_hook()
    assert well(box)


def test_a_program_on_the_pc_rings_the_telephone(pc_box):
    box = pc_box
    box.usb_host.set_report(OUTPUT, 0, bytes([RING]))
    box.run_until(lambda: box.phone.ringing, timeout_s=1)
    box.usb_host.set_report(OUTPUT, 0, bytes([0]))
    box.run_until(lambda: box.state("call") == "IDLE" and not box.phone.ringing, timeout_s=1)
    box.usb_host.set_report(OUTPUT, 0, bytes([RING]))
    box.run_until(lambda: box.phone.ringing, timeout_s=1)
    box.phone.off_hook()
    box.run_until(lambda: box.state("call") == "PC_TALKING", timeout_s=2)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    assert well(box)


def test_the_mute_indicator_silences_what_the_pc_records(pc_box):
    box = pc_box
    box.usb_host.record()
    box.phone.off_hook()
    box.phone.talk(tone(1000))
    box.run_for(2)
    assert np.abs(box.usb_host.recorded[-1000:]).max() > 100
    box.usb_host.set_report(OUTPUT, 0, bytes([MUTE]))
    box.run_for(1)
    assert not box.usb_host.recorded[-1000:].any()


def test_loopback_brings_every_sample_back(pc_box):
    box = pc_box
    assert command(box, LOOPBACK, 1)[0] == 0
    sent = np.random.default_rng(3).integers(-32768, 32768, 3 * RATE).astype(np.int16)
    box.usb_host.record()
    box.usb_host.play(sent)
    box.run_for(4)
    found = box.usb_host.recorded
    start = next(i for i in range(len(found)) if found[i] == sent[0] and (found[i : i + 40] == sent[:40]).all())
    assert (found[start : start + len(sent)] == sent).all()
    assert box.state("call") == "IDLE"
    assert box.app.loopback(False)
    assert well(box)


def test_the_disc_is_read_in_the_middle_of_a_call(pc_box):
    box = pc_box
    box.usb_host.play(tone(700, 30))
    dial(box, "1")
    box.run_until(lambda: box.far.state == "in-call", timeout_s=10)
    for _ in range(20):
        assert box.usb_host.read_disc(count=60) == DISC[: 60 * 2048]
        box.run_for(0.1)
    assert purity(box.far.heard()[-RATE:], 700) > 0.99
    assert counters(box)["repeated"] == 0


@pytest.mark.parametrize("octets", [(9,), (255, 1, 2), (DIAL,), (DIAL, *b"12a"), (DIAL, *b"1" * 40), (LOOPBACK, 2)])
def test_commands_that_make_no_sense_are_refused(pc_box, octets):
    result, status = command(pc_box, *octets)
    assert result == (2 if octets[0] > LOOPBACK else 1)
    assert status[4] == 1 and pc_box.state("call") == "IDLE"


def test_commands_that_are_not_due_are_refused(pc_box):
    assert command(pc_box, ANSWER)[0] == 1
    assert command(pc_box, HANG_UP)[0] == 1


def test_pulling_the_plug_ends_what_the_pc_did(pc_box):
    box = pc_box
    box.usb_host.play(tone(700, 30))
    box.phone.off_hook()
    box.run_until(lambda: box.state("call") == "PC_TALKING", timeout_s=3)
    box.usb_host.detach()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=3)
    box.phone.on_hook()
    box.usb_host.attach()
    assert box.usb_host.read_disc(count=3) == DISC[: 3 * 2048]
    assert well(box)


def test_the_telephone_works_without_a_pc(make_box):
    box = make_box()
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=10)
