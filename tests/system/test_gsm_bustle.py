"""Six phones, the line and the far end do what they like for minutes; then nothing is left of it."""

import random

NUMBERS = ("201", "202", "203", "204", "205", "206", "5550123", "100", "199", "9")


def act(rng, box, phone):
    """One of the things that people do."""
    what = rng.random()
    if what < 0.25 and not phone.calls:
        phone.dial(rng.choice(NUMBERS))
    elif what < 0.45:
        phone.answer()
    elif what < 0.55:
        phone.hang_up()
    elif what < 0.65:
        phone.press(rng.choice("0123456789"))
    elif what < 0.75:
        phone.send_text(rng.choice(NUMBERS), "x" * rng.randrange(1, 120))
    elif what < 0.8:
        rng.choice((phone.hold, phone.retrieve, phone.reject, phone.busy))()
    elif what < 0.82:
        phone.pull_battery()
        box.run_for(0.5)
        phone.power_on()
    elif what < 0.86:
        rng.choice((box.phone.off_hook, box.phone.on_hook))()
    elif what < 0.9:
        box.far.send_text(rng.choice(NUMBERS), "hi")
    elif box.far.state in ("idle", "ended"):
        box.far.call(rng.choice(NUMBERS))
    else:
        box.far.hang_up()


def test_minutes_of_bustle_leave_nothing(make_box):
    rng = random.Random(1)
    box = make_box({"gsm": {"enabled": True}})
    phones = [box.gsm.add(f"00101000000000{i}") for i in range(6)]
    for phone in phones:
        phone.power_on()
    box.run_until(lambda: all(phone.registered for phone in phones), timeout_s=60)
    for _ in range(150):
        act(rng, box, rng.choice(phones))
        box.run_for(rng.choice((0.1, 0.3, 1)))
    for phone in phones:
        phone.hang_up()
    box.phone.on_hook()
    box.far.hang_up()
    box.run_for(250)  # T305 and T308 twice, after a text's last retry
    status = box.app.status()
    assert status["idle"] and (status["gsm"]["calls"], status["gsm"]["texts"]) == (0, 0)
    assert len(status["gsm"]["phones"]) == 6
    assert box.misuse == [] and all(phone.bad == (0, 0) for phone in phones)
