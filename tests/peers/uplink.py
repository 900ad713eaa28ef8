"""What a box says and hears on its uplink and when, by its own clock: how late a busy machine is does not count."""

import ast

START = 16  # octets of a datagram that are kept
TAP = f"gateway.bridge.taps.append(lambda *a: said.append((gateway.box.clock.now, bytes(a[-1][:{START}]))))"


class Uplink:
    """Switches a box (femtohost.running) off and on, and listens from then on."""

    def __init__(self, box):
        self._box = box
        for source in "said = []", TAP:
            assert box.ctl("execute", source=source)["output"] == ""
        for state in "off", "on":
            box.ctl("power", state=state)
            box.event("power", state=state)

    def times(self, start):
        """[s] of the datagrams that begin with this text."""
        said = ast.literal_eval(self._box.ctl("execute", source="said")["output"])
        return [when / 1e9 for when, octets in said if octets.startswith(start.encode())]
