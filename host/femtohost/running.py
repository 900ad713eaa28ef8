"""A box in a process of its own: `femtojack run --json`, its events, and commands to it. For tests and benches."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time

from femtohost.control import ControlClient

PATIENCE = 300  # s of wall-clock time for anything at all; a machine under load is slow, not wrong


class RunningBox:
    """Starts a box on the profile folder `profile`; `config` is the text of its gateway.toml.

    `ready` is its first event. AssertionError: what was waited for did not come within five minutes, or the box ended.
    """

    def __init__(self, profile, config="", *arguments):
        profile.mkdir(parents=True, exist_ok=True)
        (profile / "gateway.toml").write_text(config)
        command = [sys.executable, "-m", "femtohost", "run", "--json", "--profile", str(profile)]
        command += ["--config", str(profile / "gateway.toml"), *arguments]
        self.profile = profile
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.events = []
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self.event("ready")

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def event(self, name, **facts):
        """The next event of this name with these facts."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                event = self._lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                event = None
            assert event, f"no event {name} {facts}; there were {self.events[-10:]}"
            self.events.append(event)
            if event["event"] == name and facts.items() <= event.items():
                return event

    def ctl(self, do, **arguments):
        """The result of one command (femtohost.control)."""
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
        """Wait until the ear at its telephone hears `tone`."""
        self.until(lambda: tone in self.ctl("hears"))

    def memory(self):
        """Resident octets of the process."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    def stop(self, number=signal.SIGINT):
        """Interrupt it; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self):
        """End it at once, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
