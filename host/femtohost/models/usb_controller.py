"""The USB device controller with its stack, as MicroPython 1.25 gives it to a board: `machine.USBDevice`.

`UsbDevice` is what the firmware holds; `UsbController` is the part itself, and what a host on the cable acts on.
Bulk and interrupt transfers take no time; isochronous ones are paced (femtohost.models.usb_audio).
"""

import errno
import os
import traceback
from collections import deque

from femtohost.models.usb_control import LONGEST_STRING, REFUSED, ControlPipe
from femtohost.models.usb_descriptors import ISOCHRONOUS, DescriptorError, parse_configuration, parse_device
from femtohost.models.usb_endpoint import EndpointState
from femtohost.models.usb_urb import GONE, GOOD, STALL, UNLINKED

PART = "USBDevice"
ENDPOINTS = 16
LONGEST_TRANSFER = 4096
SETUP, DATA, ACK = 1, 2, 3  # stages of control_xfer_cb, as TinyUSB numbers them
XFER_SUCCESS, XFER_FAILED, XFER_STALLED = range(3)
POISON = 0xA5


class Builtin:
    """A built-in driver of the stack; the emulated board has none but `none`."""

    def __init__(self, itf_max=0, ep_max=0, str_max=1):
        self.itf_max, self.ep_max, self.str_max = itf_max, ep_max, str_max
        self.desc_dev = self.desc_cfg = b""


class UsbDevice:
    """machine.USBDevice: what the firmware may call. Errors are those of the real one; see `UsbController`."""

    BUILTIN_NONE = Builtin()
    BUILTIN_CDC = Builtin(2, 3, 5)
    BUILTIN_MSC = Builtin(1, 2, 5)
    BUILTIN_DEFAULT = BUILTIN_CDC
    BUILTIN_CDC_MSC = Builtin(3, 4, 6)
    XFER_SUCCESS, XFER_FAILED, XFER_STALLED = XFER_SUCCESS, XFER_FAILED, XFER_STALLED

    def __init__(self, controller):
        self._controller = controller
        self._builtin = self.BUILTIN_NONE

    def config(
        self, desc_dev, desc_cfg, desc_strs, open_itf_cb=None, reset_cb=None, control_xfer_cb=None, xfer_cb=None
    ):
        """Give the descriptors and callbacks; ValueError names what is no buffer or no container."""
        self._controller.configure(desc_dev, desc_cfg, desc_strs, (open_itf_cb, reset_cb, control_xfer_cb, xfer_cb))

    def active(self, on=None):
        """Whether it was active; then, with `on`, pull the data line up, or let it go."""
        return self._controller.activate(on)

    def submit_xfer(self, ep, buf):
        """Give a buffer to an endpoint. OSError 22: not active; 16: still pending, or halted. ValueError: no such."""
        return self._controller.submit_transfer(ep, buf)

    def stall(self, ep, on=None):
        """Whether the endpoint was halted; then, with `on`, halt or free it. A halt drops a pending transfer."""
        return self._controller.stall(ep, on)

    def remote_wakeup(self):
        return False

    @property
    def builtin_driver(self):
        return self._builtin

    @builtin_driver.setter
    def builtin_driver(self, driver):
        if self._controller.activate(None):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if driver is not self.BUILTIN_NONE:
            self._controller.misuse("builtin_driver", "a built-in driver: this board has none")
        self._builtin = driver


class UsbController:
    """The controller.

    clock, misuse, trace as elsewhere; `audio` is the class driver of the streaming interfaces; `wake()` gives the
    firmware its next step, and is called after every callback.

    The host's side: `attach`, `detach`, `reset`, `submit` and `cancel` of requests (femtohost.models.usb_urb).
    A request ends later, from an event of the clock, never inside the call. One host at a time.
    `on_urb` are observers (time, "S" or "C", urb): every request as it is submitted and as it ends. `on_state` are
    observers (state), "detached", "attached" or "configured", as that changes (USB 2.0 9.1.1).
    """

    def __init__(self, clock, misuse, trace, audio, wake):
        self._clock, self._misuse, self._trace, self._wake = clock, misuse, trace, wake
        self.audio = audio
        audio.end = self._end
        self.firmware = UsbDevice(self)
        self.device_descriptor = self.configuration_descriptor = None
        self._configuration = self._strings = None
        self._callbacks = (None,) * 4
        self._active = self._switching = False
        self._on_gone = None
        self._attached = False
        self._control = ControlPipe(self)
        self._control_urbs = deque()
        self._endpoints = {}
        self._dirty = deque()
        self._pumping = False
        self.on_urb, self.on_state = [], []
        self._state = "detached"

    def misuse(self, section, text):
        """Record what the firmware did wrong."""
        self._misuse.report(PART, section, text)

    # -- the firmware's side --------------------------------------------------------------------------------------

    def configure(self, device, configuration, strings, callbacks):
        for name, value in (("desc_dev", device), ("desc_cfg", configuration)):
            if not isinstance(value, (bytes, bytearray, memoryview)):
                raise ValueError(name)
        if strings is not None and not hasattr(strings, "__getitem__"):
            raise ValueError("desc_strs")
        if self._active:
            self.misuse("config", "the device is active")
        self._callbacks = callbacks
        self.device_descriptor, self.configuration_descriptor = bytes(device), bytes(configuration)
        self._strings = strings
        self._configuration = None
        try:
            parse_device(self.device_descriptor)
            self._configuration = parse_configuration(self.configuration_descriptor)
            self.audio.configure(self._configuration)
        except DescriptorError as error:
            self.misuse("USB 2.0 9.6", str(error))

    def activate(self, on):
        was = self._active
        if on is None or bool(on) == was:
            return was
        if on and self.device_descriptor is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._active, self._switching = bool(on), True
        self._clock.after(0, self._switch)
        return was

    def _switch(self):
        """The stack's task does what `active` asked for."""
        self._switching = False
        if not self._active:
            self._lose_host()
        elif self._attached:
            self.reset()

    def submit_transfer(self, address, buffer):
        self._check_active()
        view = memoryview(buffer)
        if not address & 0x80 and view.readonly:
            raise TypeError("an OUT transfer needs a buffer that can be written to")
        if not 0 < address & 0x0F < ENDPOINTS or address & 0x70:
            raise ValueError("ep")
        endpoint = self._endpoints.get(address)
        if endpoint is None or view.nbytes > LONGEST_TRANSFER:
            return self._refuse_transfer(address, view.nbytes)
        if endpoint.transfer is not None or endpoint.halted:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        endpoint.begin(view.cast("B"))
        self._touch(endpoint)
        return True

    def _refuse_transfer(self, address, size):
        if address in self._endpoints:
            self.misuse("submit_xfer", f"{size} octets to endpoint {address:#04x}: at most {LONGEST_TRANSFER}")
            raise ValueError("buf")
        if self.audio.owns_endpoint(address):
            self.misuse("submit_xfer", f"endpoint {address:#04x} is isochronous: usb_audio moves its packets")
            raise ValueError("ep")
        self.misuse("submit_xfer", f"endpoint {address:#04x} is not open")
        return False

    def stall(self, address, on):
        self._check_active()
        was = self.halted(address)
        if on is not None:
            self.halt(address, bool(on))
        return was

    def _check_active(self):
        if not self._active or self._switching:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    # -- the host's side ------------------------------------------------------------------------------------------

    @property
    def connected(self):
        """Whether a device can be seen on the cable."""
        return self._active and not self._switching

    @property
    def attached(self):
        """Whether a host is there."""
        return self._attached

    @property
    def configured(self):
        """The value of the configuration that the host chose, 0 for none."""
        return self._control.configured

    @property
    def configuration(self):
        """What the configuration descriptor says (femtohost.models.usb_descriptors), or None."""
        return self._configuration

    @property
    def state(self):
        """One of "detached", "attached" and "configured"."""
        if not (self._attached and self.connected):
            return "detached"
        return "configured" if self._control.configured else "attached"

    def _note_state(self):
        state = self.state
        if state != self._state:
            self._state = state
            for observer in self.on_state:
                observer(state)

    def attach(self, on_gone=None):
        """Plug a host in, which resets the bus. False when there is one already.

        `on_gone()` is called when the device goes, by the firmware's doing.
        """
        if self._attached:
            return False
        self._attached, self._on_gone = True, on_gone
        self.reset()
        return True

    def detach(self):
        """Pull the plug: every request that pends ends with GONE."""
        if self._attached:
            self._attached, self._on_gone = False, None
            self.reset()

    def reset(self):
        """Reset the bus: address, configuration, halts and pending transfers are gone (USB 2.0 7.1.7.5)."""
        self._end_all(self._control_urbs)
        self._control.reset()
        self.close_interfaces()
        self._note_state()

    def submit(self, urb):
        """Begin a request."""
        for observer in self.on_urb:
            observer(self._clock.now, "S", urb)
        if not (self._attached and self.connected):
            self._clock.after(0, lambda: self._end(urb, GONE))
        elif urb.setup is not None:
            self._control_urbs.append(urb)
            self._touch(self._control)
        elif urb.packets is not None:
            self.audio.submit(urb)
        elif (endpoint := self._endpoints.get(urb.endpoint)) is not None:
            endpoint.urbs.append(urb)
            self._touch(endpoint)
        else:
            self._clock.after(0, lambda: self._end(urb, STALL))

    def cancel(self, urb):
        """Take a request back: it ends with UNLINKED at once. False when it has ended already."""
        if urb.done:
            return False
        endpoint = self._endpoints.get(urb.endpoint)
        for queue in (self._control_urbs, endpoint.urbs if endpoint else ()):
            if urb in queue:
                queue.remove(urb)
        self.audio.cancel(urb)
        self._end(urb, UNLINKED)
        return True

    def endpoint_type(self, address):
        """Transfer type of an endpoint in any alternate setting (usb_descriptors), or None."""
        endpoint = self._configuration.endpoint(address) if self._configuration else None
        return endpoint.type if endpoint else None

    def _lose_host(self):
        """The device left the bus; the host's side hears of it."""
        self.reset()
        on_gone, self._on_gone = self._on_gone, None
        if on_gone:
            on_gone()

    def _end_all(self, urbs):
        """The device cannot serve these any more."""
        while urbs:
            self._end(urbs.popleft(), GONE)

    # -- what the stack does --------------------------------------------------------------------------------------

    def string(self, index):
        """A string of the firmware's, or None; TinyUSB cuts long ones."""
        try:
            text = self._strings[index] if self._strings is not None else None
        except (KeyError, IndexError):
            text = None
        if text is None:
            return None
        text = text if isinstance(text, str) else bytes(text).decode("ascii", "replace")
        if not text.isascii() or len(text) > LONGEST_STRING:
            self.misuse("USB 2.0 9.6.7", f"string {index}: {LONGEST_STRING} characters of ASCII at most")
        return text[:LONGEST_STRING].encode("ascii", "replace").decode()

    def has_interface(self, number):
        return self._configuration.interface(number) is not None

    def open_interfaces(self):
        """The host chose the configuration: open its endpoints and tell the firmware. False: it cannot be."""
        if self._configuration is None:
            return False
        mine = [i for i in self._configuration.interfaces if not self.audio.owns(i.number)]
        for endpoint in (e for i in mine for e in i.endpoints):
            if endpoint.type == ISOCHRONOUS:
                self.misuse("config", f"endpoint {endpoint.address:#04x}: no driver for isochronous endpoints")
                return False
            self._endpoints[endpoint.address] = EndpointState(endpoint.address, endpoint.packet_size)
        while mine:
            group, mine = mine[: mine[0].associated or 1], mine[mine[0].associated or 1 :]
            if any(i.alternate for i in group):
                self.misuse("config", f"interface {group[0].number}: the stack knows no alternate settings")
                return False
            self._borrow("open_itf_cb", 0, self.configuration_descriptor[group[0].start : group[-1].end])
        return True

    def close_interfaces(self):
        """No configuration any more; the firmware hears of it while it is on the bus."""
        endpoints, self._endpoints = self._endpoints, {}
        for endpoint in endpoints.values():
            self._end_all(endpoint.urbs)
        self.audio.reset()
        callback = self._callbacks[1]
        if callback is not None and self.connected:
            self._call("reset_cb", callback)

    def is_open(self, address):
        return address in self._endpoints

    def halted(self, address):
        endpoint = self._endpoints.get(address)
        return endpoint is not None and endpoint.halted

    def halt(self, address, on):
        """Halt an endpoint, or free it. The controller forgets the transfer that pends on one that is halted."""
        endpoint = self._endpoints.get(address)
        if endpoint is None:
            return
        endpoint.halted = on
        if on:
            endpoint.drop()
            self._touch(endpoint)

    # -- callbacks ------------------------------------------------------------------------------------------------

    def ask_firmware(self, octets, data):
        """Pass a control request on, stage by stage; returns as ControlPipe.answer does."""
        answer = self.tell_firmware(octets)
        length = int.from_bytes(octets[6:8], "little")
        if answer is None or answer is False:
            return REFUSED
        if not length or not isinstance(answer, (bytes, bytearray, memoryview)):
            return self._acknowledge(octets, length)
        view = memoryview(answer).cast("B")
        if octets[0] & 0x80:
            reply = bytes(view[:length])
        elif view.readonly or view.nbytes < length:
            self.misuse("control_xfer_cb", f"a buffer of {view.nbytes} octets for {length} that come")
            return REFUSED
        else:
            view[:length] = data
            reply = b""
        if self._borrow("control_xfer_cb", 2, octets, DATA) is False:
            return REFUSED
        self._borrow("control_xfer_cb", 2, octets, ACK)
        return reply

    def _acknowledge(self, octets, length):
        if length:
            self.misuse("control_xfer_cb", f"neither a buffer nor False for a request with {length} octets")
            return REFUSED
        self._borrow("control_xfer_cb", 2, octets, ACK)
        return b""

    def tell_firmware(self, octets):
        """What control_xfer_cb makes of a request at its first stage."""
        return self._borrow("control_xfer_cb", 2, octets, SETUP)

    def _borrow(self, name, which, octets, *before):
        """Call back with a view that cannot be used afterwards."""
        callback = self._callbacks[which]
        if callback is None:
            return False
        backing = bytearray(octets)
        view = memoryview(backing)
        result = self._call(name, callback, *before, view)
        view.release()
        backing[:] = bytes((POISON,)) * len(backing)
        try:
            backing.clear()
        except BufferError:
            self.misuse(name, "a part of the borrowed view was kept")
        return result

    def _call(self, name, callback, *arguments):
        """Call back; an exception is the firmware's mistake, and refuses."""
        try:
            return callback(*arguments)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.misuse(name, f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})")
            return False
        finally:
            self._wake()

    # -- moving data ----------------------------------------------------------------------------------------------

    def _touch(self, what):
        """Look at an endpoint, or at the control pipe, at the next event."""
        self._dirty.append(what)
        if not self._pumping:
            self._pumping = True
            self._clock.after(0, self._pump)

    def _pump(self):
        try:
            while self._dirty:
                what = self._dirty.popleft()
                if what is self._control:
                    self._serve_control()
                else:
                    self._serve(what)
        finally:
            self._pumping = False

    def _serve_control(self):
        if not self._control_urbs:
            return
        urb = self._control_urbs.popleft()
        answer = self._control.answer(urb.setup, urb.data)
        self._trace.add("usb.setup", urb.setup + (b"stall" if answer is REFUSED else answer))
        self._note_state()
        if answer is REFUSED:
            self._end(urb, STALL)
            return
        urb.received += answer[: urb.length]
        urb.actual = len(urb.received) if urb.is_in else len(urb.data)
        self._end(urb, GOOD)

    def _serve(self, endpoint):
        """Let an endpoint's transfers and requests meet, for as long as there are both."""
        while endpoint.urbs:
            urb = endpoint.urbs[0]
            if endpoint.halted:
                endpoint.urbs.popleft()
                self._end(urb, STALL)
                continue
            if endpoint.transfer is None:
                return
            done, status, overrun = endpoint.exchange(urb)
            if overrun:
                self.misuse("submit_xfer", f"endpoint {endpoint.address:#04x}: a packet longer than the buffer's rest")
            if status is not None:
                endpoint.urbs.popleft()
            if done:
                self._transferred(endpoint)
            if status is not None:
                self._end(urb, status)

    def _transferred(self, endpoint):
        """The firmware's transfer is done."""
        moved = endpoint.transfer[: endpoint.moved]
        self._trace.add("usb.in" if endpoint.is_in else "usb.out", bytes((endpoint.address,)) + moved)
        endpoint.drop()
        callback = self._callbacks[3]
        if callback is not None:
            self._call("xfer_cb", callback, endpoint.address, XFER_SUCCESS, len(moved))

    def _end(self, urb, status):
        if urb.done:
            return
        urb.status = status
        for observer in self.on_urb:
            observer(self._clock.now, "C", urb)
        if urb.on_done:
            urb.on_done(urb)
