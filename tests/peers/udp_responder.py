"""A SIP server that is of no help: it answers as it is told, or not at all."""

import socket
import threading

from programs import PATIENCE


class UdpResponder:
    """Listens on 127.0.0.1 from `with` to its end. `answer(text of a request)` -> (status, reason, headers) or None.

    `requests` are their texts.
    """

    def __init__(self, answer, port=0):
        self.requests = []
        self._answer = answer
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def server(self):
        return f"127.0.0.1:{self.port}"

    @property
    def port(self):
        return self._socket.getsockname()[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def count(self, method):
        """How many requests with this method came."""
        return sum(text.startswith(method + " ") for text in self.requests)

    def wait_requests(self, count, method="REGISTER", seconds=PATIENCE):
        """Until `count` requests of this method came."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.count(method) >= count, seconds), self.requests

    def _serve(self):
        while data := self._socket.recvfrom(65536):
            octets, source = data
            if not octets:
                return
            text = octets.decode()
            with self._changed:
                self.requests.append(text)
                self._changed.notify_all()
            told = self._answer(text)
            if told:
                self._socket.sendto(response(text, *told).encode(), source)


def response(request, status, reason, headers=()):
    """A response without a body; a final one gets a tag in To."""
    kept = [line for line in request.split("\r\n")[1:] if line.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = next(line for line in request.split("\r\n") if line.startswith("To:"))
    tagged = to if ";tag=" in to or status == 100 else f"{to};tag=responder"
    return "\r\n".join([f"SIP/2.0 {status} {reason}", *kept, tagged, *headers, "Content-Length: 0", "", ""])
