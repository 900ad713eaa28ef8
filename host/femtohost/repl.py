"""A Python prompt at a running box: the interpreter in the box's process, the prompt in the user's."""

import code
import contextlib
import io
import rlcompleter

BANNER = """The running box: `box` (femtohost.emulator), `board`, `app` (the firmware), `phone`, `line`, `gateway`, and
`gsm`, the GSM phones. Time goes on between two lines, and stands still while one runs. Ctrl-D ends."""


class Names(dict):
    """What the prompt knows: names of the box that has power now, and what the user set."""

    PARTS = ("board", "app", "phone", "line", "slic", "clock", "trace", "misuse", "gsm")

    def __init__(self, gateway):
        super().__init__(gateway=gateway)

    def refresh(self):
        box = self["gateway"].box
        self["box"] = box
        self.update({name: getattr(box, name, None) for name in self.PARTS})


class Interpreter:
    """Runs source lines; an exception is part of the output and ends nothing."""

    def __init__(self, gateway):
        self._names = Names(gateway)
        self._interpreter = code.InteractiveInterpreter(self._names)

    def execute(self, source):
        """{"more": the source is not complete yet, "output": what it printed}."""
        self._names.refresh()
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                more = self._interpreter.runsource(source)
            except SystemExit:
                more = False
                print("The box goes on; Ctrl-D ends this prompt.")
        return {"more": more, "output": output.getvalue()}

    def complete(self, text):
        """All names that begin with `text`, such as box.ph."""
        self._names.refresh()
        completer = rlcompleter.Completer(self._names)
        found = []
        while (match := completer.complete(text, len(found))) is not None:
            found.append(match)
        return found


def prompt(control, read=input, write=print):
    """Read lines, have them run by the box behind `control` (femtohost.control.ControlClient), until end of file."""
    write(BANNER)
    lines = []
    while True:
        try:
            lines.append(read("... " if lines else ">>> "))
        except EOFError:
            return
        except KeyboardInterrupt:
            write("KeyboardInterrupt")
            lines = []
            continue
        answer = control("execute", source="\n".join(lines))
        if answer["output"]:
            write(answer["output"].rstrip("\n"))
        if not answer["more"]:
            lines = []


def complete_with(control):
    """Tab completes by asking the box; nothing happens where Python has no readline."""
    try:
        import readline
    except ImportError:
        return
    found = []

    def complete(text, state):
        if state == 0:
            found[:] = control("complete", text=text)
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?")
    readline.parse_and_bind("tab: complete")
