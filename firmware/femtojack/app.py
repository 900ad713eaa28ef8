"""The App: every part of the gateway, joined, and the step that drives them."""

from femtojack.call.control import IDLE, Control
from femtojack.call.legs import LineLeg, PcLeg
from femtojack.call.loopback import Loopback
from femtojack.config import parse_address, validate
from femtojack.line.fxs import DOWN, Port
from femtojack.ticks import earlier
from femtojack.voice.bridge import Bridge
from femtojack.voice.path import VoicePath


class App:
    """The firmware on one board (femtojack.board). ConfigError: the board's configuration is wrong."""

    def __init__(self, board):
        config = validate(board.config)
        self.flash = self._power_on(board) if board.nor else None
        sip, line = config["sip"], config["line"]
        self.control = Control(line["dial_plan"], board.trace)
        self.port = Port(board, line["country"], self.control)
        bridge = Bridge()
        self.voice = VoicePath(board, config["voice"], bridge)
        self._loader = self._load(board) if self.flash else None
        self.usb = self._attach(board) if board.usb else None
        self.mobile = self._cover(board, config) if board.l1 and config["gsm"]["enabled"] else None
        # Phones stand between the line's calls and the network's.
        events = self.mobile.exchange if self.mobile else self.control
        self._socket = None
        if board.udp:
            self._join(board, sip, events)
        else:
            self.agent = self.media = Loopback(board, events)
        if self.mobile:
            self.mobile.bind(self.agent, board.udp is not None)
        line = LineLeg(self.port, self.voice)
        self.pc = PcLeg(self.usb, self._loader)
        self.pc.bind(self.control, line, self.agent)
        self.control.bind(line, self.pc, self.mobile.exchange if self.mobile else self.agent, self.media, bridge)
        self._registering = False

    # What a board has not is not even loaded: its code would take heap.

    def _power_on(self, board):
        """What the board's flash says at power-on. A fault lights the lamp."""
        from femtojack.flash.boot import Boot

        boot = Boot(board)
        if board.led:
            board.led.value(1 if boot.fault else 0)
        return boot

    def _load(self, board):
        """Updates, when nobody telephones, and the self-test of an image on trial."""
        from femtojack.usb.loader import Loader

        self.flash.updater.bind(self._quiet, self._good)
        return Loader(self.flash)

    def _quiet(self):
        """Nobody telephones, nor does a phone of the cell do anything."""
        return self.control.state == IDLE and (self.mobile is None or self.mobile.idle)

    def _good(self):
        """What works: CHECK_... of femtojack.flash.update."""
        from femtojack.flash.update import CHECK_IDENTITY, CHECK_LINE

        line = CHECK_LINE if self.port.state != DOWN else 0
        return line | (CHECK_IDENTITY if self.flash.identity.serial else 0)

    def _attach(self, board):
        """The device on the board's USB: with the serial number of the flash, and its disc where there is no other."""
        from femtojack.usb.device import NO_IDENTITY, Device, serial_number

        if not self.flash:
            return Device(board, serial_number(board.store), board.blocks)
        from femtojack.flash.blocks import CdBlocks, EitherDisc

        disc = CdBlocks(self.flash.nor)
        blocks = EitherDisc(board.blocks, disc) if board.blocks else disc
        return Device(board, self.flash.identity.serial or NO_IDENTITY, blocks)

    def _cover(self, board, config):
        """The cell of the board's baseband, and all that its phones can do."""
        from femtojack.gsm.network import GsmNetwork

        return GsmNetwork(board, config, self.control)

    def _join(self, board, sip, events):
        """The media and the user agent on the board's network."""
        from femtojack.sip.message import MAX_SIZE
        from femtojack.sip.ua import UserAgent
        from femtojack.voice.media import Media

        self._datagram = bytearray(MAX_SIZE)
        self._datagram_view = memoryview(self._datagram)
        self._source = bytearray(6)
        media = self.media = Media(board, sip["rtp_port"])
        self._take_audio = media.step
        self._socket = board.udp.open(sip["port"])
        agent = self.agent = UserAgent(
            {
                "user": sip["user"],
                "password": sip["password"],
                "domain": sip["domain"],
                "server": parse_address(sip["server"]) if sip["server"] else None,
                "local_ip": board.udp.address,
                "port": sip["port"],
                "expires": sip["expires"],
            },
            self._socket.send,
            board.entropy,
            events,
            board.trace,
        )
        self._take_message = agent.receive

    def step(self, now):
        """Drain every input, then run what is due (see femtojack.board). Returns the next deadline or None."""
        if not self._registering:
            self._registering = True
            self.agent.register(now)
        if self.usb:
            self.usb.step()
        if self._socket:
            self._take_audio()
            if self.mobile:
                self.mobile.exchange.take_audio()
        self.voice.step()
        if self._socket:
            self._signalling(now)
        self.port.step(now)
        self.control.step(now)
        self.pc.step(now)
        if self.mobile:
            self.mobile.step(now)
        # The agent last: what the others did may have given it work.
        deadline = self.agent.step(now)
        if self.flash:
            self.flash.updater.step(now)
            deadline = earlier(deadline, self.flash.updater.deadline)
        if self.mobile:
            deadline = earlier(deadline, self.mobile.deadline(now))
        return earlier(deadline, earlier(self.port.deadline, self.control.deadline))

    def status(self):
        """Whether nothing is under way (idle), whether it is registered, the counters of Media.counters (rtp), and
        Boot.status of the flash, None without one. With a cell also "gsm": GsmNetwork.status.
        """
        status = {
            "idle": self.agent.idle,
            "registered": self.agent.registered,
            "rtp": self.media.counters(),
            "flash": self.flash.status() if self.flash else None,
        }
        if self.mobile:
            status["gsm"] = self.mobile.status()
            status["idle"] = status["idle"] and self.mobile.idle
        return status

    def shut_down(self, now):
        """End the call and the registration, as before the power is cut on purpose; the next steps do it."""
        self.control.shut_down(now)
        if self.mobile:
            self.mobile.exchange.shut_down(now)
        self.agent.unregister(now)

    def load(self, command, now):
        """One of the commands 5 to 8 of femtojack.usb.hid, by another way than USB. False: refused; None: unknown."""
        return self._loader.obey(command, now) if self._loader else None

    def loopback(self, on):
        """Join the sound card's playback at 8 kHz to its capture, to test them; False on a board without one."""
        card = self.pc.audio
        if card:
            card.loopback = on
        return card is not None

    def gsm(self, do, number="", text=""):
        """For testers, between steps: femtojack.gsm.network.GsmNetwork.command. None: there is no cell."""
        return self.mobile and self.mobile.command(do, number, text)

    def _signalling(self, now):
        while True:
            n = self._socket.recv_into(self._datagram, self._source)
            if n < 0:
                return
            self._take_message(self._datagram_view[:n], self._source, now)
