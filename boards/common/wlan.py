"""Joining a wireless network at boot."""

from time import sleep_ms

import network

from common.udp import UdpPort, dotted

_TRY_MS = 15000
_POLL_MS = 100


def join(own):
    """The uplink once the board's network is joined; None, and a line that says why, if none is configured.

    `own` is the "board" section of the configuration: ssid, password.
    """
    ssid = own.get("ssid")
    if not ssid:
        print('femtojack: no network: give /config.json "board": {"ssid": ..., "password": ...}')
        return None
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    while not _connect(wlan, ssid, own.get("password", "")):
        print("femtojack: network", ssid, "is not to be had; trying again")
    return UdpPort(dotted(wlan.ifconfig()[0]))


def _connect(wlan, ssid, password):
    wlan.connect(ssid, password)
    for _ in range(_TRY_MS // _POLL_MS):
        if wlan.isconnected():
            return True
        sleep_ms(_POLL_MS)
    wlan.disconnect()
    return False
