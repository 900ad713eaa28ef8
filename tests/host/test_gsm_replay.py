"""What is done to GSM phones and to the air is in the trace, and can be run again."""

from femtohost.emulator import Emulator
from femtohost.models.gsm_air import AirFrame
from femtohost.models.gsm_frames import RACH
from femtohost.replay import replay


def test_phones_faults_and_strange_frames_are_run_again(tmp_path):
    with Emulator(3, {"gsm": {"enabled": True}}) as box:
        phone = box.gsm.add("001010000000001")
        phone.power_on()
        box.run_until(lambda: phone.registered and phone.state == "idle", 20)
        box.air.uplink(AirFrame(50, True, 0, box.radio.count() % 2715648, RACH, 0, b"\x7f"))
        box.air.set_faults(loss_up=0.2)
        box.radio.set_rts_late(3)
        phone.dial("555")
        box.run_for(5)
        box.recorder.save(tmp_path / "trace.jsonl")
    again, difference = replay(tmp_path / "trace.jsonl")
    assert difference is None and again.trace.sha256() == box.trace.sha256()
    assert again.gsm.phone("001010000000001").call_state == phone.call_state
