"""All that phones do at a box, in random order, in virtual time."""

import random

IMSI = "00101000000000{}"
FAR = "5550123"
PATIENCE_S = 60


class Traffic:
    """`count` phones, 201 and so on, at `box`, registered; `run` keeps them busy, one thing after another.

    `done` counts what was done, by name.
    """

    def __init__(self, box, count, seed):
        self._box, self._rng = box, random.Random(seed)
        self.phones = [box.gsm.add(IMSI.format(n + 1)) for n in range(count)]
        self._numbers = {phone.imsi: str(201 + n) for n, phone in enumerate(self.phones)}
        self.done = {}
        for phone in self.phones:
            phone.power_on()
            self._until(lambda phone=phone: phone.registered)

    def run(self, seconds):
        """At least so long."""
        things = (
            self.call_far, self.far_calls, self.call_each_other, self.refuse, self.give_up, self.nobody, self.text,
            self.text_in_call, self.text_far, self.far_texts, self.ask, self.off_and_on, self.update, self.emergency,
        )  # fmt: skip
        end, queue = self._box.time_s + seconds, []
        while self._box.time_s < end:
            queue = queue or self._rng.sample(things, len(things))
            thing = queue.pop()
            thing(*self._rng.sample(self.phones, 2))
            self._rest()
            self.done[thing.__name__] = self.done.get(thing.__name__, 0) + 1

    def _until(self, *conditions):
        self._box.run_until(lambda: all(condition() for condition in conditions), timeout_s=PATIENCE_S)

    def _rest(self):
        for phone in self.phones:
            phone.hang_up()
        self._until(*(lambda phone=phone: phone.state == "idle" and not phone.calls for phone in self.phones))
        self._until(lambda: self._box.far.state != "in-call")

    def _number(self, phone):
        return self._numbers[phone.imsi]

    def _talk(self, phone):
        self._until(lambda: phone.call_state == "ACTIVE")
        phone.press(self._rng.choice(("1", "42#", "*09D")))
        self._box.run_for(self._rng.uniform(1, 3))

    # -- what they do ----------------------------------------------------------------------------------------------

    def call_far(self, phone, _):
        phone.dial(FAR)
        self._talk(phone)
        phone.hold()
        self._box.run_for(1)
        phone.retrieve()
        self._box.run_for(1)
        self._rng.choice((phone, self._box.far)).hang_up()

    def far_calls(self, phone, _):
        self._box.far.call(self._number(phone))
        self._until(lambda: phone.call_state == "RINGING")
        phone.answer()
        self._talk(phone)
        self._rng.choice((phone, self._box.far)).hang_up()

    def call_each_other(self, phone, other):
        self._meet(phone, other)
        self._talk(phone)
        self._rng.choice((phone, other)).hang_up()

    def _ring(self, phone, other):
        phone.dial(self._number(other))
        self._until(lambda: other.call_state == "RINGING")

    def _meet(self, phone, other):
        self._ring(phone, other)
        other.answer()
        self._until(lambda: phone.call_state == other.call_state == "ACTIVE")

    def refuse(self, phone, other):
        self._ring(phone, other)
        self._rng.choice((other.reject, other.busy))()
        self._until(lambda: not phone.calls)

    def give_up(self, phone, other):
        self._ring(phone, other)
        phone.hang_up()

    def nobody(self, phone, _):
        phone.dial("299")
        self._box.run_for(3)

    def text(self, phone, other):
        there = len(other.inbox)
        phone.send_text(self._number(other), self._rng.choice(("Hi", "e" * 160, "Grüße €", "日本語")))
        self._until(lambda: len(other.inbox) > there)

    def text_in_call(self, phone, other):
        self._meet(phone, other)
        self.text(phone, other)

    def text_far(self, phone, _):
        there = len(self._box.far.texts)
        phone.send_text(FAR, "Hi")
        self._until(lambda: len(self._box.far.texts) > there)

    def far_texts(self, phone, _):
        there = len(phone.inbox)
        self._box.far.send_text(self._number(phone), "Grüße " * 5)
        self._until(lambda: len(phone.inbox) > there)

    def ask(self, phone, _):
        there = len(phone.ussd_answers)
        phone.ussd(self._rng.choice(("*#100#", "*#101#", "*#999#")))
        self._until(lambda: len(phone.ussd_answers) > there)

    def off_and_on(self, phone, _):
        phone.power_off()
        self._until(lambda: phone.state == "off")
        phone.power_on()
        self._until(lambda: phone.registered)

    def update(self, phone, _):
        phone.update_location()
        self._box.run_for(3)

    def emergency(self, phone, _):
        phone.emergency()
        self._box.run_for(4)
