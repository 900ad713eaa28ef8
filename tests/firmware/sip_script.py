"""Runs in any interpreter: a call, hostile octets, digest, RTP and the playout buffer; all that happens is printed.

Under a real MicroPython the RTP path runs with the heap locked: an allocation is a MemoryError.
"""

import sys
from binascii import hexlify

from micropython import const

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        pass

    heap_unlock = heap_lock

from femtojack.sip import sdp
from femtojack.sip.digest import authorization, parse_challenge
from femtojack.sip.md5 import md5
from femtojack.sip.message import parse
from femtojack.sip.rtp import RtpReceiver, RtpSender
from femtojack.sip.ua import UserAgent
from femtojack.voice.jitter import JitterBuffer

ROUNDS = const(300)


class Entropy:
    """A linear congruential generator: the same octets in every interpreter."""

    def __init__(self, seed):
        self._state = seed

    def __call__(self, buf):
        for i in range(len(buf)):
            self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
            buf[i] = self._state >> 16 & 0xFF


class Listener:
    def __init__(self, name):
        self._name = name

    def incoming(self, call, now):
        offered = call.remote_sdp
        print(self._name, "incoming", call.number, call.name, offered is not None)
        call.ring(now)
        ours = bytes((10, 0, 0, 2))
        call.answer(sdp.answer(offered, ours, 16386) if offered else sdp.offer(ours, 16386), now)

    def ringing(self, call, now):
        print(self._name, "ringing")

    def progress(self, call, now):
        print(self._name, "progress")

    def answered(self, call, now):
        print(self._name, "answered", call.remote_sdp.port)

    def ended(self, call, status, now):
        print(self._name, "ended", status)

    def registered(self, ok, status, now):
        print(self._name, "registered", ok, status)


def addresses():
    return [bytes((10, 0, 0, last, 0x13, 0xC4)) for last in (1, 2)]


def talk(hostile):
    """A call between two agents, then octets nobody should send."""
    here, there = addresses()
    wire = []

    def trace(point, data):
        print(point, hexlify(data).decode())

    def agent(own, other, name):
        config = {
            "user": name, "password": "pw", "domain": ".".join([str(octet) for octet in other[:4]]),
            "server": None, "local_ip": own[:4], "port": 5060, "expires": 300,
        }  # fmt: skip

        def send(data, n, addr):
            wire.append((bytes(addr), bytes(data[:n]), own))

        return UserAgent(config, send, Entropy(own[3]), Listener(name), trace)

    agents = {here: agent(here, there, "100"), there: agent(there, here, "200")}

    def deliver(now):
        while wire:
            addr, data, source = wire.pop(0)
            print(hexlify(data).decode())
            agents[addr].receive(memoryview(data), bytearray(source), now)

    now = (1 << 30) - 100
    call = agents[here].call("*21#", sdp.offer(here[:4], 16384), now)
    deliver(now)
    call.hang_up(now)
    for data in hostile:
        agents[there].receive(data, here, now)
    deliver(now)
    for now in (400, 40000):
        print([agents[addr].step(now) for addr in (here, there)], agents[here].idle, agents[there].dropped)


def stream():
    """Frames through sender, receiver and playout buffer without allocation."""
    sender, receiver, buffer = RtpSender(b"abcd", 0, b"\xff\xf0\xff\xff\xff\x00"), RtpReceiver(0), JitterBuffer()
    out = memoryview(bytearray(160))
    payload = memoryview(sender.packet)[12:]
    states = bytearray(ROUNDS)
    heap_lock()
    try:
        for i in range(ROUNDS):
            sender.payload[0] = i & 0xFF
            sender.next()
            if i % 7 != 3 and receiver.parse(sender.packet, 172):
                buffer.put(receiver.sequence, payload)
            states[i] = buffer.get(out)
    finally:
        heap_unlock()
    print(hexlify(states).decode(), hexlify(sender.packet[:12]).decode(), receiver.lost, buffer.depth, buffer.lost)


def main():
    hostile = [bytes([i]) * 40 for i in range(0, 256, 17)]
    text = b"INVITE sip:200@10.0.0.2 SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKh;rport\r\n"
    text += b'f: "\xff\xd0\xb0 \\"x" <sip:%zz%41@b>;tag=1\r\nt: <sip:b@c>\r\ni: x\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n'
    hostile += [text[:i] + b"\x85\xa0\xb2" + text[i + 3 :] for i in range(0, len(text), 5)]
    for data in hostile:
        message = parse(data)
        print(message and (message.error or hexlify(message.sender.display).decode()))
    talk(hostile)
    challenge = parse_challenge(b'Digest realm="r", nonce="n", qop="auth", opaque="o"')
    print(authorization(challenge, b"REGISTER", b"sip:x", b"u", b"p", b"c", 1), hexlify(md5(b"abc" * 50)))
    stream()
    print("done", file=sys.stdout)


main()
