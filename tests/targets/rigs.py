"""Boards for the tests of a whole board: an emulated Pico, or whatever hangs on a serial port."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import tty

import pytest

from femtohost.desk.catalog import find, of_machine
from femtohost.desk.link import Link

DEPLOY_S = 900


def command(*arguments):
    """What `femtojack board` said; it must have been good."""
    done = subprocess.run(
        [sys.executable, "-m", "femtohost", "board", *arguments], capture_output=True, text=True, timeout=DEPLOY_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class EmulatedRig:
    """An emulated Pico with the real image; `start` powers one on, with the flash that the one before has left."""

    emulated = True
    info = find("rp2_pico")

    def __init__(self, image, flash):
        self._image, self._flash = image, flash
        self._board = None

    def start(self, **options):
        """The port of a board at power-on; options are femtohost.targets.pico.Pico's."""
        from femtohost.targets.pico import Pico

        self.stop()
        self._board = Pico(self._image, self._flash, **options)
        return self._board.port

    @property
    def board(self):
        return self._board

    def reset(self):
        self._board.reset()

    def after_reset(self):
        """The board has reset itself: until it is there again."""
        self._board.wait_for_reset()

    def stop(self):
        if self._board:
            self._board.close()
        self._board = None


class SerialRig:
    """The board on a serial port, as it is wired."""

    emulated = False

    def __init__(self, port):
        self._port = port
        with Link(port) as link:
            self.info = of_machine(link.facts.machine)

    def start(self, **options):
        if "wires" in options:
            pytest.skip("needs DRX joined to DTX: runs on the emulated Pico")
        return self._port

    def reset(self):
        with Link(self._port) as link:
            link.restart()
            link.come_back()

    def after_reset(self):
        with Link(self._port):  # it waits for the port
            pass

    def stop(self):
        pass


class Pty:
    """A serial port of this machine, `path`, behind which is what listens on the TCP port of a socket:// address."""

    def __init__(self, address):
        self._peer = address.removeprefix("socket://").split(":")
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._closed = False
        self._connection = socket.create_connection(self._peer)
        self._threads = [threading.Thread(target=move, daemon=True) for move in (self._to_board, self._from_board)]
        for thread in self._threads:
            thread.start()

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        os.close(self._slave)  # the thread that reads the other end then fails
        for thread in self._threads:
            thread.join(timeout=5)
        os.close(self._master)

    def _to_board(self):
        with contextlib.suppress(OSError):
            while octets := os.read(self._master, 4096):
                with contextlib.suppress(OSError):
                    self._connection.sendall(octets)

    def _from_board(self):
        while not self._closed:
            octets = b""
            with contextlib.suppress(OSError):
                octets = self._connection.recv(4096)
            if octets:
                os.write(self._master, octets)
            elif not self._closed:
                self._again()

    def _again(self):
        """A board that was reset has dropped the connection: another."""
        with contextlib.suppress(OSError):
            self._connection = socket.create_connection(self._peer)
