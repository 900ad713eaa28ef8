"""What the firmware does against a datasheet or against the Board contract."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Misuse:
    """One breach: when (ns since power-on), which part, the section it broke, and what happened."""

    time: int
    part: str
    section: str
    text: str

    def __str__(self):
        return f"{self.time / 1e9:.6f} s: {self.part}, {self.section}: {self.text}"

    def as_dict(self):
        return {"t": self.time, "part": self.part, "section": self.section, "text": self.text}


class MisuseLog(list):
    """All breaches of one run, in order. Models call `report`; tests expect the list to stay empty."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock
        self.on_report = []  # observers: observer(misuse)

    def report(self, part, section, text):
        self.append(Misuse(self._clock.now, part, section, text))
        for observer in self.on_report:
            observer(self[-1])
