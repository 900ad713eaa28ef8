"""DTMF of the emulated GSM phone on a network that we did not write: its MSC lets somebody else switch the calls.

Only who answers is ours (osmocom.mncc): radio, connection management and the acknowledgements are Osmocom's.
"""

import pytest
from osmocom import config
from osmocom.mncc import Switch
from osmocom.network import Network, why_not

KI = bytes(range(16))
IMSI, NUMBER, CALLED = "001010000000001", "1001", "5550123"
KEYS = "0123456789*#"
NORMAL_CLEARING = 16  # TS 24.008 10.5.4.11


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network on the air whose calls somebody else switches; in the place of the one that switches them itself."""
    if reason := why_not():
        pytest.skip(reason)
    network = Network(tmp_path_factory.mktemp("osmocom") / "network", external=True)
    yield network
    network.stop()


@pytest.fixture
def switch(network, um_phones):
    switch = Switch(network.call_control, um_phones.watch, um_phones.unwatch)
    yield switch
    switch.close()


def test_keys(network, um_phones, switch):
    """Each is heard by who was called, and acknowledged; then the phone hangs up."""
    network.allot(config.DEDICATED)
    network.subscriber(IMSI, NUMBER, KI.hex())
    phone = um_phones.add(IMSI, ki=KI)
    um_phones.until(lambda: phone.registered and phone.state == "idle")
    phone.dial(CALLED)
    um_phones.until(lambda: phone.call_state == "ACTIVE" and switch.active)
    assert switch.called == [CALLED]
    phone.press(KEYS)
    um_phones.until(lambda: len(phone.call.dtmf + phone.call.dtmf_refused) == len(KEYS))
    assert (phone.call.dtmf, phone.call.dtmf_refused, switch.keys) == (KEYS, "", KEYS)
    phone.hang_up()
    um_phones.until(lambda: phone.state == "idle" and not switch.active)
    assert phone.call_state == "NULL"
