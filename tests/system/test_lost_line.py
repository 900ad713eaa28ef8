"""A SLIC that is lost takes its line down, visibly, and comes back; the rest of the box goes on."""


def in_service(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=10)


def forget(box):
    """What a discharge does: the chip is as after reset, and nobody told the firmware."""
    box.slic.reset(0)
    box.slic.reset(1)


def test_a_chip_that_forgot_its_registers_is_brought_up_again(box):
    in_service(box)
    forget(box)
    box.run_until(lambda: box.state("fxs") == "DOWN", timeout_s=2)
    assert box.trace.find("slic.lost")[0][1] == b"forgot its registers"
    in_service(box)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=1)


def test_a_caller_to_a_dead_line_is_told(box):
    in_service(box)
    forget(box)
    box.run_until(lambda: box.state("fxs") == "DOWN", timeout_s=2)
    box.far.call("100")
    box.run_until(lambda: box.far.state == "ended", timeout_s=2)
    assert box.far.final_status == 486


def test_a_line_lost_in_a_call_ends_the_call(box):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=15)
    forget(box)
    box.run_until(lambda: box.far.state == "ended", timeout_s=3)
    assert box.state("call") == "IDLE"


def test_a_line_lost_while_it_rings_refuses_the_call(box):
    in_service(box)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    forget(box)
    box.run_until(lambda: box.far.state == "ended", timeout_s=3)
    assert box.far.final_status == 480


def test_an_overheated_transistor_opens_the_line_and_it_is_tried_again(box):
    in_service(box)
    box.slic.overheat(1)
    box.run_until(lambda: box.state("fxs") == "DOWN", timeout_s=1)
    assert box.trace.find("slic.lost")[0][1] == b"power alarm"
    in_service(box)


def test_a_phone_off_hook_at_power_on_gets_dial_tone_and_the_line_is_calibrated_once_it_is_on_hook(box):
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=5)
    assert box.misuse == []
    box.phone.on_hook()
    box.run_until(lambda: box.state("fxs") == "DOWN", timeout_s=5)
    assert box.trace.find("slic.lost")[0][1] == b"calibration due"
    in_service(box)
    box.run_for(10)
    assert len(box.trace.find("slic.lost")) == 1
    assert box.misuse == []


def test_a_hook_flash_is_no_time_to_calibrate(box):
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=15)
    for _ in range(5):
        box.phone.flash(900)
        box.run_for(1.3)
    assert box.state("call") == "TALKING"
    assert box.misuse == []
