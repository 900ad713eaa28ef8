"""A few pages of the box over HTTP/1.1 (RFC 9112): its status, and the way in for an update.

GET /status answers with JSON, POST /update takes an update file and answers, with JSON, when the box has confirmed or
refused it: 200 or 409. A connection is one request.
"""

import json

from femtohost.bridges.stream import ProtocolError, Stream, accept, listen
from femtohost.errors import UserError
from femtohost.flash.image import LARGEST
from femtojack.flash.manifest import SIZE as MANIFEST

LONGEST_HEAD = 8192  # octets
LONGEST_BODY = 2 * (MANIFEST + LARGEST)  # what is too large for a slot the firmware itself refuses by name
MOST_CONNECTIONS = 16
REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    411: "Length Required", 413: "Content Too Large", 503: "Service Unavailable",
}  # fmt: skip


class HttpServer:
    """Listens on `host`:`port` (0: any) for the box of `gateway`. OSError: the port cannot be had."""

    def __init__(self, gateway, host, port):
        self._gateway = gateway
        self._connections = []
        self._listener = listen(host, port, "--http")
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])
        gateway.loop.watch(self._listener, self._accept)

    def _accept(self):
        client = accept(self._listener)
        if client is None:
            return
        self._connections = [c for c in self._connections if not c.closed]
        if len(self._connections) >= MOST_CONNECTIONS:
            self._connections[0].drop()
        self._connections.append(Connection(self._gateway, client))

    def close(self):
        self._gateway.loop.unwatch(self._listener)
        self._listener.close()
        for connection in self._connections:
            connection.drop()


class Connection(Stream):
    """One client and its request."""

    def __init__(self, gateway, client):
        self._gateway = gateway
        self._request = None  # (method, path, octets of the body)
        self._asked = False
        super().__init__(gateway.loop, client)

    def _take(self):
        if self._last:
            return False
        if self._asked:
            raise ProtocolError  # more than its request
        if self._request is None and not self._take_head():
            return False
        method, path, length = self._request
        if len(self._input) < length:
            return False
        body = bytes(self._input[:length])
        del self._input[:length]
        self._asked = True
        self._serve(method, path, body)
        return bool(self._input)

    def _take_head(self):
        """The request line and the headers, if they are there as a whole."""
        head, end, _ = self._input.partition(b"\r\n\r\n")
        if len(head) > LONGEST_HEAD:
            raise ProtocolError
        if not end:
            return False
        del self._input[: len(head) + len(end)]
        try:
            line, *lines = head.decode("latin-1").split("\r\n")
            method, path, version = line.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        except ValueError:
            raise ProtocolError from None
        if not version.startswith("HTTP/1."):
            raise ProtocolError
        self._request = (method, path, self._body_length(method, headers))
        if headers.get("expect", "").lower() == "100-continue" and not self.closed:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return not self.closed

    def _body_length(self, method, headers):
        length = headers.get("content-length")
        if length is None:
            if method == "POST":
                self._answer(411, {"error": "send the file with a Content-Length"})
            return 0
        if not length.isascii() or not length.isdigit():
            raise ProtocolError
        if int(length) > LONGEST_BODY:
            self._answer(413, {"error": f"an update file has at most {MANIFEST + LARGEST} octets"})
        return int(length)

    def _serve(self, method, path, body):
        known = {"/status": ("GET", self._status), "/update": ("POST", self._update)}
        if path not in known:
            self._answer(404, {"error": f"there are {' and '.join(known)}"})
        elif method != known[path][0]:
            self._answer(405, {"error": f"{path} wants {known[path][0]}"})
        else:
            known[path][1](body)

    def _status(self, body):
        self._answer(200, self._gateway.status())

    def _update(self, body):
        if self._gateway.box is None:
            self._answer(503, {"error": "the box is off"})
            return
        try:
            self._gateway.install(body, self._installed)
        except UserError as error:
            self._answer(503, {"error": str(error)})

    def _installed(self, result):
        self._answer(200 if result["result"] == "confirmed" else 409, result)

    def _answer(self, status, facts):
        """Send the answer, and no more."""
        body = json.dumps(facts).encode() + b"\n"
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._send(head.encode(), b"\r\nConnection: close\r\n\r\n", body)
        self._end_after_sending()
