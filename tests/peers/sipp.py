"""sipp calling a box, by the scenarios in data/."""

from pathlib import Path

from programs import PATIENCE, Program, free_port

SCENARIOS = Path(__file__).with_name("data")


class Sipp(Program):
    """One run of `scenario` towards `target` (host, port): `calls` calls, one after the other."""

    def __init__(self, folder, scenario, target, calls=1, seconds=PATIENCE):
        self._log = folder / "sipp-errors.log"
        host, port = target
        super().__init__(
            "sipp", f"{host}:{port}", "-sf", SCENARIOS / f"{scenario}.xml", "-i", "127.0.0.1", "-p", free_port(),
            "-m", calls, "-l", 1, "-r", 1000, "-nostdin", "-timeout", f"{seconds:g}s", "-timeout_error",
            "-trace_err", "-error_file", self._log, cwd=folder,
        )  # fmt: skip
        self._seconds = seconds

    def succeed(self):
        """Wait for its end; AssertionError, with what it said, unless every call went by the scenario."""
        code = self._process.wait(self._seconds + PATIENCE)
        assert code == 0, (self._log.read_text() if self._log.exists() else "") + "\n".join(self.lines[-25:])
