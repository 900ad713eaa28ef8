"""Eight GSM phones on eight dedicated channels, recorded octet for octet: what another interpreter needs to live it
through again (scripts/gsm_replay.py)."""

import hashlib
import json
import struct

from femtohost.board import EmulatedBoard, Mailbox, UdpPort, UdpSocket
from femtohost.emulator import Emulator
from femtohost.full_rate import FullRate
from femtohost.peers.far_end import FarEnd
from femtojack.app import App

CONFIG = {"gsm": {"enabled": True, "combined": True, "traffic_channels": 4}}
LONG = "The quick brown fox jumps over the lazy dog. " * 3
TIMEOUT_S = 60


class Record:
    """`octets`: entries in the order in which the firmware took them, kind u8, length u16 (little-endian), payload:
        S a step: ticks u32                 G a call of App.gsm: its arguments in JSON
        L a message of the baseband         U a datagram: number of its socket u8, source (6 octets), data
    `sent` hashes what the firmware sent to the baseband.
    """

    def __init__(self, monkeypatch):
        self.octets = bytearray()
        self.sent = hashlib.sha256()
        self._random = 1
        self._sockets = []
        step, gsm, l1_take, l1_send = App.step, App.gsm, Mailbox.recv_into, Mailbox.send
        opened, take = UdpPort.open, UdpSocket.recv_into

        def record_step(app, now):
            self._add(b"S", struct.pack("<I", now))
            return step(app, now)

        def record_command(app, *arguments):
            self._add(b"G", json.dumps(arguments).encode())
            return gsm(app, *arguments)

        def record_message(mailbox, buf):
            n = l1_take(mailbox, buf)
            if n:
                self._add(b"L", buf[:n])
            return n

        def record_sent(mailbox, buf, n):
            self.sent.update(buf[:n])
            return l1_send(mailbox, buf, n)

        def record_open(udp, port):
            self._sockets.append(opened(udp, port))
            return self._sockets[-1]

        def record_datagram(socket, buf, addr):
            n = take(socket, buf, addr)
            if n >= 0:
                self._add(b"U", bytes((self._sockets.index(socket),)) + addr + buf[:n])
            return n

        monkeypatch.setattr(App, "step", record_step)
        monkeypatch.setattr(App, "gsm", record_command)
        monkeypatch.setattr(Mailbox, "recv_into", record_message)
        monkeypatch.setattr(Mailbox, "send", record_sent)
        monkeypatch.setattr(UdpPort, "open", record_open)
        monkeypatch.setattr(UdpSocket, "recv_into", record_datagram)
        monkeypatch.setattr(EmulatedBoard, "entropy", lambda board, buf: self._fill(buf))

    def _add(self, kind, payload):
        self.octets += struct.pack("<cH", kind, len(payload)) + payload

    def _fill(self, buf):
        """Lehmer's generator, as the script has it."""
        for i in range(len(buf)):
            self._random = self._random * 75 % 65537
            buf[i] = self._random & 0xFF


def record(monkeypatch, talk):
    """(configuration, Record): four phones `talk`, the fifth and sixth send long texts to two of them, the seventh
    asks for its number, and the eighth gets a text."""
    tape = Record(monkeypatch)
    with Emulator(1, CONFIG) as box:
        phones = [box.gsm.add(f"00101000000000{i}") for i in range(8)]
        for phone in phones:
            phone.power_on()
        box.run_until(lambda: all(phone.registered and phone.state == "idle" for phone in phones), TIMEOUT_S)
        numbers = {one["imsi"]: one["number"] for one in box.app.gsm("phones")}
        numbers = [numbers[phone.imsi] for phone in phones]
        talk(box, phones[:4], numbers)
        box.run_until(lambda: all(phone.call_state == "ACTIVE" for phone in phones[:4]), TIMEOUT_S)
        speech = FullRate().encode(box.seeds.stream("speech").integers(-8000, 8000, 1600).astype("int16"))
        for phone in phones[:4]:
            phone.talk(speech, loop=True)
        phones[4].send_text(numbers[0], LONG)
        phones[5].send_text(numbers[1], LONG)
        phones[6].ussd("*100#")
        box.app.gsm("text", numbers[7], LONG)
        box.processor.wake()
        texts = (phones[0], phones[1], phones[7])
        box.run_until(lambda: all(phone.inbox for phone in texts) and phones[6].ussd_answers, TIMEOUT_S)
        assert all(phone.call_state == "ACTIVE" for phone in phones[:4]) and box.misuse == []
        return box.board.config, tape


def by_sip(box, phones, numbers):
    """The first phone calls the far end, and a far end of its own calls each of the others."""
    phones[0].dial("5550123")
    for i in range(1, len(phones)):
        far = FarEnd(box.clock, box._network, box.seeds.stream(f"far-{i}"), address=bytes((10, 0, 0, 2 + i)))
        far.call(numbers[i])
        box.run_until(lambda phone=phones[i]: phone.call_state == "RINGING", TIMEOUT_S)
        phones[i].answer()


def with_each_other(box, phones, numbers):
    """Two and two."""
    for i in range(0, len(phones), 2):
        phones[i].dial(numbers[i + 1])
        box.run_until(lambda phone=phones[i + 1]: phone.call_state == "RINGING", TIMEOUT_S)
        phones[i + 1].answer()
