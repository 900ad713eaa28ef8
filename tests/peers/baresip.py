"""A baresip as somebody's softphone: registered at a registrar, speaking a WAV file, writing down what it hears."""

import json
import socket
import threading
from string import Template

from programs import PATIENCE, Program, free_port, wait_until

CONFIG = Template("""
poll_method epoll
sip_listen 127.0.0.1:$sip
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 1
audio_player aubridge,nobody
audio_source aufile,$speaks
audio_alert aubridge,nobody
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
jitter_buffer_delay 5-10
rtp_ports $rtp-$rtp_last
module_path $modules
module g711.so
module sndfile.so
module aufile.so
module aubridge.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:$control
snd_path $folder
""")
MODULES = "/usr/lib/baresip/modules"


class Baresip:
    """Runs from construction to `stop`. `events` are its own, as dicts: {"type": "CALL_ESTABLISHED", "param": ...}.

    user, password, domain: its account. server: "127.0.0.1:PORT". speaks: a WAV file, 8 kHz mono, once per call.
    answers: whether it takes every call at once.
    """

    def __init__(self, folder, *, user, password, domain, server, speaks, answers=False):
        self.folder = folder
        self.events = []
        self._answers = {}
        self._changed = threading.Condition()
        self._taken = {}
        self._control_port = free_port()
        folder.mkdir()
        rtp = free_port(10, even=True)
        (folder / "config").write_text(
            CONFIG.substitute(
                sip=free_port(2), rtp=rtp, rtp_last=rtp + 9, control=self._control_port, speaks=speaks, folder=folder,
                modules=MODULES,
            )
        )  # fmt: skip
        mode = "auto" if answers else "manual"
        account = f'<sip:{user}@{domain}>;auth_user={user};auth_pass={password};outbound="sip:{server};transport=udp"'
        (folder / "accounts").write_text(f"{account};regint=600;answermode={mode};audio_codecs=pcmu/8000/1\n")
        self._program = Program("baresip", "-4", "-f", folder, cwd=folder)
        self._socket = wait_until(self._connect)
        threading.Thread(target=self._read, daemon=True).start()

    # -- what its user does ---------------------------------------------------------------------------------------

    def dial(self, uri):
        self.command("dial", uri)

    def hang_up(self):
        """Ends a call, or refuses one that rings with 486."""
        self.command("hangup")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def command(self, name, params=""):
        """One of its commands; returns what it says."""
        token = f"{name} {len(self._answers)}"
        text = json.dumps({"command": name, "params": params, "token": token}).encode()
        self._answers[token] = None
        self._socket.sendall(b"%d:%s," % (len(text), text))
        with self._changed:
            assert self._changed.wait_for(lambda: self._answers[token], PATIENCE), self._complaint(name)
        return self._answers[token]["data"]

    # -- what is seen of it ---------------------------------------------------------------------------------------

    def wait(self, kind, seconds=PATIENCE):
        """The first event of this type after the last that was waited for."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._next(kind), seconds), self._complaint(kind)
            index, event = self._next(kind)
            self._taken[kind] = index + 1
            return event

    @property
    def idle(self):
        """Whether it has no call."""
        return "Active calls (0)" in self.command("listcalls")

    def mute(self):
        """From now on it says nothing, or again what it did."""
        self.command("mute")

    @property
    def pid(self):
        return self._program.pid

    def heard(self):
        """Paths of the WAV files with what it heard, a call each, when the last has ended: only then are they whole."""
        wait_until(lambda: self.idle)
        return sorted(self.folder.glob("dump-*-dec.wav"))

    def stop(self):
        self._program.kill()
        self._socket.close()

    # -- the connection -------------------------------------------------------------------------------------------

    def _connect(self):
        assert self._program.running, self._complaint("start")
        try:
            return socket.create_connection(("127.0.0.1", self._control_port))
        except ConnectionRefusedError:
            return None

    def _read(self):
        stream = self._socket.makefile("rb")
        while length := self._number(stream):
            message = json.loads(stream.read(length))
            stream.read(1)
            with self._changed:
                if message.get("event"):
                    self.events.append(message)
                else:
                    self._answers[message.get("token")] = message
                self._changed.notify_all()

    def _number(self, stream):
        """The length before a netstring's colon; 0 at the end."""
        digits = b""
        while (octet := stream.read(1)).isdigit():
            digits += octet
        return int(digits or 0)

    def _next(self, kind):
        for index in range(self._taken.get(kind, 0), len(self.events)):
            if self.events[index]["type"] == kind:
                return index, self.events[index]
        return None

    def _complaint(self, what):
        kinds = [event["type"] for event in self.events]
        return "\n".join([f"{what}: nothing came of it; events {kinds}; it said:", *self._program.lines[-40:]])
