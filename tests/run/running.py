"""A box in a process of its own, for the tests of wall-clock mode."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time

from femtohost.control import ControlClient

PATIENCE = 60  # s of wall-clock time for anything at all; a machine under load is slow, not wrong


class RunningBox:
    """`femtojack run --json` on the profile folder `profile`; `config` is the text of its gateway.toml."""

    def __init__(self, profile, config="", *arguments):
        profile.mkdir(parents=True, exist_ok=True)
        (profile / "gateway.toml").write_text(config)
        command = [sys.executable, "-c", "from femtohost.cli import main; main()", "run", "--json"]
        command += ["--profile", str(profile), "--config", str(profile / "gateway.toml"), *arguments]
        self.profile = profile
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.events = []
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self.event("ready")

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def event(self, name, **facts):
        """The next event of this name with these facts; AssertionError if it does not come."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                event = self._lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                raise AssertionError(f"no event {name} {facts}; there were {self.events[-10:]}") from None
            self.events.append(event)
            if event["event"] == name and facts.items() <= event.items():
                return event

    def ctl(self, do, **arguments):
        client = ControlClient(self.profile)
        try:
            return client(do, **arguments)
        finally:
            client.close()

    def until(self, condition):
        """Ask until `condition()` is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.ctl("status")

    def hears(self, tone):
        self.until(lambda: tone in self.ctl("hears"))

    def stop(self, number=signal.SIGINT):
        """Interrupt it; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
