"""A box at a real registrar."""

from accounts import BOX_USER, account
from kamailio import Kamailio
from programs import free_port, needs
from udp_responder import UdpResponder

pytestmark = needs("kamailio", package="kamailio")


def test_registers_with_digest(running_box, kamailio, watched):
    assert running_box.ctl("status")["sip"] == "registered"
    assert running_box.stop() == 130
    kamailio.wait_unbound(BOX_USER)
    watched(kamailio.port)


def test_a_wrong_password_is_told(run_box, kamailio):
    box = run_box(sip=account(kamailio.server, password="guess"))
    assert box.event("registered")["status"] == 401
    assert box.ctl("status")["sip"] == "refused 401"


def test_a_box_keeps_its_registration_after_power_fails(running_box, kamailio):
    running_box.ctl("power", state="off")
    running_box.ctl("power", state="on")
    running_box.event("registered", ok=True)
    assert running_box.ctl("status")["sip"] == "registered"


def test_a_registrar_that_comes_up_later_is_found(run_box, tmp_path):
    port = free_port()
    with UdpResponder(lambda request: None, port) as silence:
        box = run_box(sip=account(f"127.0.0.1:{port}"))
        silence.wait_requests(3)
        assert box.ctl("status")["sip"] == "not registered"
    kamailio = Kamailio(tmp_path / "late", port)
    try:
        kamailio.wait_bound(BOX_USER)
        box.event("registered", ok=True)
    finally:
        kamailio.stop()
