"""How fast a cell runs, whether it lasts, and how late its speech is: busy channels, a quiet day, a crowd that
registers at once, a few calls of each kind."""

import time

import numpy as np

from femtohost.emulator import Emulator
from femtohost.full_rate import FullRate
from femtohost.measure.gsm_delay import measure_delays

IMSI = "001010000{:06d}"
RATE = 8000
SETUP_S = 60
TURN_S = 10  # a key each call, a text from one to the next
DAY_CALL_EVERY_S, DAY_CALL_S = 600, 20
CROWD_S = 600
TEXT = "The quick brown fox"
PAGE = 4096


def bench_gsm(scene, amount, seed=1, progress=lambda done, of: None):
    """One of SCENES; `amount` is its seconds of virtual time, for "crowd" the number of phones, for "delay"
    that of calls. A dict of figures."""
    return SCENES[scene](amount, seed, progress)


class Cell:
    """A box with `count` registered phones, numbered from 201 on; its speech goes round and round."""

    def __init__(self, count, seed, combined=False):
        config = {"gsm": {"enabled": True, "combined": combined}}
        self.box = Emulator(seed, config, keep_trace=False)
        self.phones = [self.box.gsm.add(IMSI.format(i)) for i in range(count)]
        for phone in self.phones:
            phone.power_on()
            self.until(lambda phone=phone: phone.registered and phone.state == "idle")
        numbers = {phone["imsi"]: phone["number"] for phone in self.box.app.gsm("phones")}
        self.numbers = [numbers[phone.imsi] for phone in self.phones]
        tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
        self.delivered = 0
        self.speech = FullRate().encode(tone.astype(np.int16))

    def until(self, condition):
        self.box.run_until(condition, SETUP_S)

    def join(self, one, other):
        """A call between two phones, both talking; `other` None: with the far end."""
        caller = self.phones[one]
        if other is None:
            caller.dial("5550123")
        else:
            caller.dial(self.numbers[other])
            self.until(lambda: self.phones[other].call_state == "RINGING")
            self.phones[other].answer()
        for phone in (caller, *([] if other is None else [self.phones[other]])):
            self.until(lambda phone=phone: phone.call_state == "ACTIVE")
            phone.talk(self.speech, loop=True)

    def part(self):
        for phone in self.phones:
            phone.hang_up()
        self.until(lambda: all(phone.state == "idle" for phone in self.phones))

    def forget(self):
        """Count the texts; what the phones and the far end keep would look like a leak."""
        if self.box.far.stream:
            self.box.far.stream.forget()
        for phone in self.phones:
            self.delivered += len(phone.inbox)
            phone.inbox.clear()
            phone.sent.clear()


def resident():
    """Octets of memory of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def _run(cell, seconds, every, progress, turn):
    """`turn(i)` each `every` s; figures of the time and the memory. The first tenth is not looked at for growth."""
    box, turns = cell.box, max(1, int(seconds / every))
    started, begin, memory = time.process_time(), box.time_s, None
    for i in range(turns):
        turn(i)
        cell.forget()
        box.run_for(max(begin + (i + 1) * every - box.time_s, 0))
        if memory is None and i + 1 >= turns / 10:
            cell.forget()
            memory = resident()
        progress(i + 1, turns)
    used = time.process_time() - started
    cell.forget()
    return {
        "virtual_s": round(box.time_s - begin, 3), "cpu_s": round(used, 3),
        "speed": round((box.time_s - begin) / used, 1), "memory_growth": resident() - memory,
        "misuse": len(box.misuse),
    }  # fmt: skip


def _busy(calls, seconds, seed, progress):
    """`calls` voice channels of a combined cell, with keys and texts."""
    cell = Cell(calls, seed, combined=True)
    for one in range(0, calls - 1, 2):
        cell.join(one, one + 1)
    if calls % 2:
        cell.join(calls - 1, None)
    counts = {"keys": 0, "texts": 0}

    def turn(i):
        for phone in cell.phones[::2]:
            phone.press("5")
            counts["keys"] += 1
        if calls > 1:
            sender = i % (calls - 1)
            cell.phones[sender].send_text(cell.numbers[sender + 1], TEXT)
            counts["texts"] += 1

    figures = _run(cell, seconds, TURN_S, progress, turn)
    counts["keys_acknowledged"] = sum(len(phone.call.dtmf) for phone in cell.phones if phone.call)
    counts["still_talking"] = sum(phone.call_state == "ACTIVE" for phone in cell.phones)
    cell.part()
    cell.box.run_for(SETUP_S)
    cell.forget()
    counts["texts_delivered"] = cell.delivered
    return figures | counts | {"idle_after": cell.box.app.status()["idle"]}


def _day(seconds, seed, progress):
    """Two phones, a call in ten minutes, and whatever they signal of their own accord."""
    cell = Cell(2, seed)
    calls = []

    def turn(i):
        cell.join(i % 2, 1 - i % 2)
        cell.box.run_for(DAY_CALL_S)
        cell.part()
        calls.append(all(phone.call.cause == 16 for phone in cell.phones))

    figures = _run(cell, seconds, DAY_CALL_EVERY_S, progress, turn)
    cell.box.run_for(SETUP_S)
    return figures | {"calls": len(calls), "good": sum(calls), "idle_after": cell.box.app.status()["idle"]}


def _crowd(count, seed, progress):
    """All phones switched on in one instant."""
    box = Emulator(seed, {"gsm": {"enabled": True}}, keep_trace=False)
    phones = [box.gsm.add(IMSI.format(i)) for i in range(int(count))]
    started = time.process_time()
    for phone in phones:
        phone.power_on()
    registered = 0
    while registered < len(phones) and box.time_s < CROWD_S:
        box.run_for(1)
        registered = sum(phone.registered for phone in phones)
        progress(registered, len(phones))
    return {
        "phones": len(phones), "registered": registered, "virtual_s": round(box.time_s, 3),
        "cpu_s": round(time.process_time() - started, 3), "collisions": box.air.counters.collisions,
        "misuse": len(box.misuse),
    }  # fmt: skip


def _delay(calls, seed, progress):
    """The longest that speech takes through the box, each way."""
    found = measure_delays(int(calls), seed, progress)
    missing = sum(delay is None for delays in found.values() for delay in delays)
    longest = {f"{way}_ms": max((d for d in delays if d is not None), default=None) for way, delays in found.items()}
    return {"calls": int(calls), "unheard": missing} | longest


SCENES = {
    "one": lambda amount, seed, progress: _busy(1, amount, seed, progress),
    "seven": lambda amount, seed, progress: _busy(7, amount, seed, progress),
    "day": _day,
    "crowd": _crowd,
    "delay": _delay,
}
AMOUNTS = {"one": 60.0, "seven": 3600.0, "day": 86400.0, "crowd": 100.0, "delay": 8.0}
