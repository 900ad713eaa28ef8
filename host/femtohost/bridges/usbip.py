"""The box's USB port as a USB/IP server: any Linux machine attaches it with `usbip attach`.

One importer at a time. What a client can make the server keep is bounded, and what is not the protocol ends the
connection: nothing that a client sends can do more.
"""

from femtohost.bridges import usbip_protocol as protocol
from femtohost.bridges.stream import MOST_HELD, ProtocolError, Stream, accept, listen
from femtohost.models.usb_descriptors import ISOCHRONOUS, parse_device
from femtohost.models.usb_urb import STALL, UNLINKED, Urb

BUSID, BUS, NUMBER = "1-1", 1, 2
DEVICE_ID = BUS << 16 | NUMBER

LONGEST_TRANSFER = 1 << 20  # octets
MOST_PACKETS = 1024  # isochronous packets in a request, as in Linux (USBIP_MAX_ISO_PACKETS)
MOST_PENDING = 1024  # requests
MOST_CONNECTIONS = 16


class UsbipServer:
    """Listens on `host`:`port` (0: one that the operating system chooses) for the box of `gateway`.

    OSError: the port cannot be had. `refused` counts the connections that were dropped for what they sent.
    """

    def __init__(self, gateway, host, port):
        self._gateway = gateway
        self._connections = []
        self.importer = None
        self.refused = 0
        self._listener = listen(host, port, "--usbip")
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])
        gateway.loop.watch(self._listener, self._accept)

    @property
    def controller(self):
        """The USB controller of the box, or None when there is no device to see."""
        box = self._gateway.box
        controller = box.board.usb_controller if box else None
        return controller if controller and controller.connected and controller.configuration else None

    def _accept(self):
        client = accept(self._listener)
        if client is None:
            return
        self._connections = [c for c in self._connections if not c.closed]
        waiting = [c for c in self._connections if c is not self.importer]
        if len(waiting) >= MOST_CONNECTIONS:
            waiting[0].drop()
        self._connections.append(Connection(self, self._gateway.loop, client))

    def attach(self, connection):
        """Give the device to a connection. Returns the status of the reply."""
        if self.importer:
            return protocol.BUSY
        controller = self.controller
        if controller is None:
            return protocol.NOT_AVAILABLE
        if not controller.attach(connection.drop):
            return protocol.BUSY
        self.importer = connection
        self._gateway.box.on_close.append(connection.lose_power)
        return protocol.OK

    def detach(self, connection, controller):
        """The importer has gone; without a controller, since that has."""
        self.importer = None
        if controller:
            self._gateway.box.on_close.remove(connection.lose_power)
            controller.detach()

    def close(self):
        self._gateway.loop.unwatch(self._listener)
        self._listener.close()
        for connection in self._connections:
            connection.drop()


class Connection(Stream):
    """One client: operations first, and requests to the device once it has imported it."""

    def __init__(self, server, loop, client):
        self._server = server
        self._controller = None
        self._pending = {}
        self._held = 0
        super().__init__(loop, client)

    def _take(self):
        return self._take_request() if self._controller else self._take_operation()

    def _refused(self):
        self._server.refused += 1

    def _ended(self):
        self._pending.clear()
        if self._server.importer is self:
            self._server.detach(self, self._controller)

    def lose_power(self):
        """The box is off: there is nothing left to detach from."""
        self._controller = None
        self.drop()

    # -- operations -------------------------------------------------------------------------------------------------

    def _take_operation(self):
        if len(self._input) < protocol.OPERATION.size:
            return False
        version, code, _ = protocol.OPERATION.unpack_from(self._input)
        if version != protocol.VERSION or code not in (protocol.REQUEST_LIST, protocol.REQUEST_IMPORT):
            raise ProtocolError
        if code == protocol.REQUEST_LIST:
            del self._input[: protocol.OPERATION.size]
            self._list()
            return True
        end = protocol.OPERATION.size + protocol.BUSID_OCTETS
        if len(self._input) < end:
            return False
        busid = bytes(self._input[protocol.OPERATION.size : end]).partition(b"\0")[0]
        del self._input[:end]
        self._import(busid)
        return True

    def _record(self, controller):
        device = parse_device(controller.device_descriptor)
        return protocol.device_record(BUSID, BUS, NUMBER, device, controller.configuration)

    def _list(self):
        controller = self._server.controller
        reply = protocol.OPERATION.pack(protocol.VERSION, protocol.REPLY_LIST, protocol.OK)
        if controller is None:
            self._send(reply, bytes(4))
            return
        records = self._record(controller) + protocol.interface_records(controller.configuration)
        self._send(reply, (1).to_bytes(4, "big"), records)

    def _import(self, busid):
        status = self._server.attach(self) if busid == BUSID.encode() else protocol.NO_DEVICE
        reply = protocol.OPERATION.pack(protocol.VERSION, protocol.REPLY_IMPORT, status)
        if status != protocol.OK:
            self._send(reply)
            return
        self._controller = self._server.controller
        self._send(reply, self._record(self._controller))

    # -- requests ---------------------------------------------------------------------------------------------------

    def _take_request(self):
        if len(self._input) < protocol.HEADER_OCTETS:
            if len(self._input) >= 4 and not protocol.is_request(int.from_bytes(self._input[:4], "big")):
                raise ProtocolError  # at once: the rest may never come
            return False
        header = protocol.SUBMIT_HEADER.unpack_from(self._input)
        command, _, device, direction, endpoint = header[:5]
        if not protocol.is_request(command) or device != DEVICE_ID or direction > 1 or endpoint > 15:
            raise ProtocolError
        if command == protocol.SUBMIT:
            return self._take_submit(header[1], *header[3:])
        _, seqnum, _, _, _, target, _ = protocol.UNLINK_HEADER.unpack_from(self._input)
        del self._input[: protocol.HEADER_OCTETS]
        self._unlink(seqnum, target)
        return True

    def _take_submit(self, seqnum, direction, endpoint, flags, length, _frame, packets, _interval, setup):
        inward = direction == protocol.DIRECTION_IN
        address = endpoint | (0x80 if inward else 0)
        isochronous = endpoint and self._controller.endpoint_type(address) == ISOCHRONOUS
        if length > LONGEST_TRANSFER or (isochronous and not 0 < packets <= MOST_PACKETS):
            raise ProtocolError
        begin = protocol.HEADER_OCTETS
        table = begin + (0 if inward else length)
        end = table + (packets * protocol.PACKET.size if isochronous else 0)
        if len(self._input) < end:
            return False
        data, rows = bytes(self._input[begin:table]), bytes(self._input[table:end])
        del self._input[:end]
        if seqnum in self._pending or len(self._pending) >= MOST_PENDING or self._held + len(data) > MOST_HELD:
            raise ProtocolError
        if isochronous:
            self._submit_packets(seqnum, address, data, length, rows)
        elif endpoint:
            zero = bool(flags & protocol.ZERO_PACKET)
            self._submit(seqnum, Urb(address, data=data, length=length, zero_packet=zero))
        else:
            self._submit_control(seqnum, setup, data, length, inward)
        return True

    def _submit_control(self, seqnum, setup, data, length, inward):
        wanted = int.from_bytes(setup[6:8], "little")
        urb = Urb(0, setup=setup, data=data, length=length)
        if wanted and urb.is_in != inward:
            urb.status = STALL
            self._answer(seqnum, urb)
        else:
            self._submit(seqnum, urb)

    def _submit_packets(self, seqnum, address, data, length, rows):
        table = [row[:2] for row in protocol.PACKET.iter_unpack(rows)]
        end = 0
        for offset, size in table:
            if offset < end or offset + size > length:
                raise ProtocolError
            end = offset + size
        data = b"".join(data[offset : offset + size] for offset, size in table)
        urb = Urb(address, data=data, length=length, packets=[size for _, size in table], tag=table)
        self._submit(seqnum, urb)

    def _submit(self, seqnum, urb):
        self._pending[seqnum] = urb
        self._held += len(urb.data)
        urb.on_done = lambda urb: self._done(seqnum, urb)
        self._controller.submit(urb)

    def _done(self, seqnum, urb):
        if self._pending.pop(seqnum, None) is None:
            return  # the connection has gone
        self._held -= len(urb.data)
        if urb.status != UNLINKED:
            self._answer(seqnum, urb)

    def _answer(self, seqnum, urb):
        rows, errors = self._rows(urb)
        packets = len(urb.packets) if urb.packets is not None else protocol.NOT_ISOCHRONOUS
        header = protocol.SUBMITTED_HEADER.pack(
            protocol.SUBMITTED, seqnum, 0, 0, 0, urb.status, urb.actual, 0, packets, errors, bytes(8)
        )
        self._send(header, urb.received, rows)

    def _rows(self, urb):
        """The table of an isochronous reply, and how many of its packets failed."""
        if urb.packets is None:
            return b"", 0
        results = urb.results or [(0, urb.status)] * len(urb.packets)
        rows = [
            protocol.PACKET.pack(offset, size, actual, status)
            for (offset, size), (actual, status) in zip(urb.tag, results, strict=True)
        ]
        return b"".join(rows), sum(status != 0 for _, status in results)

    def _unlink(self, seqnum, target):
        """Take a request back: it then has no reply of its own. Status 0 when it had one already."""
        urb = self._pending.get(target)
        taken = urb is not None and self._controller.cancel(urb)
        status = UNLINKED if taken else 0
        self._send(protocol.UNLINKED_HEADER.pack(protocol.UNLINKED, seqnum, 0, 0, 0, status, bytes(24)))
