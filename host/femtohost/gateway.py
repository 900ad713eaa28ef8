"""A box that runs: one emulated gateway in wall-clock mode, with real UDP sockets."""

import time

from femtohost.bridges.gsmtap import GsmtapBridge
from femtohost.bridges.http import HttpServer
from femtohost.bridges.serprog import SerprogServer
from femtohost.bridges.udp import UdpBridge, address_towards
from femtohost.bridges.usbip import UsbipServer
from femtohost.capture import Capture
from femtohost.clock import MS
from femtohost.disc import Disc
from femtohost.emulator import Emulator
from femtohost.errors import UserError
from femtohost.flash.install import Installer
from femtohost.store import MemoryStore
from femtohost.wallclock import WallClock

GOODBYE_S = 2.0  # what hanging up and unregistering may take


class Gateway:
    """Power, ports and state of one box.

    `config` is as femtohost.settings reads it; a port that it does not name is one of the operating system's choice.
    `on_event(event)` gets a dict for everything that happens to the box: {"event": "line", "state": "off-hook"} ...
    `target`: where the firmware runs (femtohost.targets). `capture`: a file for a capture of its traffic, or None.
    `disc`: what is in the drive (femtohost.disc.Disc). `store`: what survives the power (femtohost.store; in memory by
    default). `usbip`: the (host, port) where the USB port is exported, None for nowhere. `gsmtap`: the network
    interface where the cell is on virtual Um, None for nowhere. `flash`: its flash memory (femtohost.flash.memory),
    None for a box without; `serprog`: the (host, port) where that is exported, None for nowhere, in `serprog_timing`
    (femtohost.bridges.serprog.TIMINGS). `http`: the (host, port) of status and updates (femtohost.bridges.http), None
    for nowhere.
    OSError: a port that was asked for is taken. CaptureError: the capture cannot be written. UserError: no such
    interface, or no cell.
    """

    def __init__(
        self, config, seed, on_event=lambda event: None, *, target="cpython", capture=None,
        disc=None, store=None, usbip=None, gsmtap=None, flash=None, serprog=None, serprog_timing="bus", http=None,
    ):  # fmt: skip
        sip = dict(config.get("sip", {}))
        self.config, self.seed = {**config, "sip": sip}, seed
        self._on_event = on_event
        self._target = target
        self.loop = WallClock()
        self.bridge = UdpBridge(address_towards(sip.get("server")), self.loop.watch, self.loop.unwatch)
        sip["port"] = self.bridge.reserve(sip.get("port", 0))
        sip["rtp_port"] = self.bridge.reserve(sip.get("rtp_port", 0), even=True)
        self._capture = Capture(capture, time.time_ns) if capture else None
        if self._capture:
            self._capture.watch_network(self.bridge)
        self.box = None
        self.disc = disc or Disc()
        self._store = store or MemoryStore()
        self.flash = flash
        self._held = self._on_when_released = False
        self.usbip = UsbipServer(self, *usbip) if usbip else None
        self.serprog = SerprogServer(self, *serprog, serprog_timing) if serprog else None
        self.http = HttpServer(self, *http) if http else None
        self.gsmtap = self._join_um(gsmtap) if gsmtap else None
        self._off_hook = False  # the telephone stays as it is when the box loses its power
        self._registration = None
        self._call_status = None

    def _join_um(self, interface):
        """The bridge to virtual Um; it takes a cell, so the configuration gets one that does not say otherwise."""
        gsm = self.config["gsm"] = {"enabled": True, **self.config.get("gsm", {})}
        if not gsm["enabled"]:
            raise UserError("--gsmtap: the configuration has no cell; set enabled = true in [gsm]")
        return GsmtapBridge(self.loop.watch, self.loop.unwatch, interface)

    @property
    def addresses(self):
        """{"sip": "H:P", "rtp": "H:P"}, and "usbip", "serprog" and "http" when there is such a server."""
        sip = self.config["sip"]
        addresses = {"sip": f"{self.bridge.host}:{sip['port']}", "rtp": f"{self.bridge.host}:{sip['rtp_port']}"}
        exported = {"usbip": self.usbip, "serprog": self.serprog, "http": self.http}
        return addresses | {name: server.address for name, server in exported.items() if server}

    # -- power ----------------------------------------------------------------------------------------------------

    def power_on(self):
        """Boot; nothing happens when it is on. While it is held in reset it boots as soon as it is released."""
        if self._held:
            self._on_when_released = True
        if self.box or self._held:
            return
        self._registration = self._call_status = None
        self.box = Emulator(
            self.seed, self.config, keep_trace=False, uplink=self.bridge, target=self._target,
            iso=self.disc, store=self._store, flash=self.flash,
        )  # fmt: skip
        self.box.trace.on_record.append(self._on_record)
        self.box.misuse.on_report.append(self._on_misuse)
        self.box.board.usb_controller.on_state.append(lambda state: self._tell("usb", "usb", state=state))
        if self._capture:
            self._capture.watch_usb(self.box.board.usb_controller)
        if self.box.air:
            self._watch_air(self.box.air)
        self.loop.follow(self.box.clock)
        if self._off_hook:
            self.box.phone.off_hook()
        self._on_event({"event": "power", "state": "on"})

    def _watch_air(self, air):
        if self._capture:
            self._capture.watch_air(air)
        if self.gsmtap:
            self.gsmtap.join(air)

    def power_off(self):
        """Cut the power: no farewell to anybody."""
        self._on_when_released = False
        if not self.box:
            return
        self._off_hook = self.box.phone.loop_closed
        self.box.close()
        self.box = None
        if self.gsmtap:
            self.gsmtap.leave()
        self.loop.follow(None)
        self._on_event({"event": "power", "state": "off"})

    def hold(self):
        """Hold the box in reset; its flash chip keeps its power and finishes what it does."""
        on = self.box is not None
        if on:
            self.box.nor.finish()
        self.power_off()
        self._held, self._on_when_released = True, on

    def release(self):
        """Let it boot, if it was on or was switched on meanwhile."""
        self._held = False
        if self._on_when_released:
            self.power_on()

    def shut_down(self):
        """Hang up, unregister, and only then cut the power."""
        if self.box:
            app, processor = self.box.app, self.box.processor
            app.shut_down(processor.ticks())
            processor.wake()
            self.loop.run_until(lambda: _gone(app.status()), GOODBYE_S)
        self.power_off()

    def close(self):
        self._on_when_released = False
        for server in (self.usbip, self.gsmtap, self.serprog, self.http):
            if server:
                server.close()
        self.bridge.close()
        if self._capture:
            self._capture.close()

    # -- what it tells --------------------------------------------------------------------------------------------

    def status(self):
        """line, call, sip, slot, misuse, lag_ms and more, as `femtojack ctl status` shows them."""
        box = self.box
        lag = self.loop.lag / MS, self.loop.worst_lag / MS
        return {
            "power": "on" if box else "held in reset" if self._held else "off",
            "line": words(box.state("fxs")) if box else "off",
            "call": words(box.state("call")) if box else "off",
            "sip": self._sip(),
            "call_status": self._call_status,
            "misuse": [misuse.as_dict() for misuse in box.misuse] if box else [],
            "lag_ms": round(lag[0], 3),
            "worst_lag_ms": round(lag[1], 3),
            "late_events": self.loop.late,
            "rtp": box.app.status()["rtp"] if box else None,
            "uptime_s": round(box.time_s, 3) if box else 0,
            "usb": self._usb(),
            **self._flash(),
            "gsm": box.app.status().get("gsm") if box else None,
            "seed": self.seed,
            "addresses": self.addresses,
            "capture": self._capture and (self._capture.error or "good"),
        }

    def install(self, octets, on_end):
        """Give an update file to the box, which has power; `on_end({"result", "slot", "version"})` at its end."""
        box = self.box

        def end(result):
            box.on_close.remove(lost)
            status = box.app.status()["flash"] or {}
            on_end({"result": result, "slot": status.get("slot"), "version": status.get("version")})

        def lost():
            on_end({"result": "interrupted", "slot": None, "version": None})

        box.on_close.append(lost)
        Installer(box, octets, end)

    def _flash(self):
        """slot (a, b, golden), serial, number, update (the name of a result) and flash (all else that it tells)."""
        flash = (self.box.app.status()["flash"] if self.box else None) or {}
        return {key: flash.get(key) for key in ("slot", "serial", "number", "update")} | {"flash": flash or None}

    def _usb(self):
        """The USB port: connected (the firmware is on the bus), state, and the blocks of the disc."""
        usb = self.box.board.usb_controller if self.box else None
        return {
            "connected": bool(usb and usb.connected),
            "state": usb.state if usb else "detached",
            "disc_blocks": self.disc.count,
        }

    def _sip(self):
        """The registration in words."""
        if not self.config["sip"].get("server") or not self.config["sip"].get("user"):
            return "not configured"
        if not self.box or self._registration is None:
            return "not registered"
        good, status = self._registration
        if good:
            return "registered"
        return "no answer" if status == 408 else f"refused {status}"

    def _on_record(self, time, point, data):
        if point in STATES:
            self._tell(point, STATES[point], state=words(data.decode().split(">")[1]))
        elif point == "sip.registered":
            good, status = data.split()
            self._registration = good == b"1", int(status)
            self._tell(point, "registered", ok=good == b"1", status=int(status), sip=self._sip())
        elif point == "call.number":
            self._tell(point, "dialled", number=data.decode())
        elif point == "call.ended":
            self._call_status = int(data)
            self._tell(point, "ended", status=int(data))
        elif point == "slic.lost":
            self._tell(point, "line lost", reason=data.decode())

    def _tell(self, point, event, **facts):
        self._on_event({"event": event, "t": round(self.box.time_s, 3), **facts})

    def _on_misuse(self, misuse):
        self._on_event({"event": "misuse", **misuse.as_dict()})


def _gone(status):
    return status["idle"] and not status["registered"]


# Trace point of a state machine -> name of the event
STATES = {"fxs": "line", "call": "call"}


def words(state):
    """A state as people write it: ON_HOOK is on-hook."""
    return state.lower().replace("_", "-")
