"""Who calls whom in these tests: their numbers, what they say, and where they are."""

from kamailio import DOMAIN, PASSWORD

BOX_USER, FAR_USER = "200", "555"
NEAR_HZ, FAR_HZ = 1000, 600  # the tone that each end says


def account(server, **changes):
    """A [sip] section for a user of `server`."""
    return {"server": server, "user": BOX_USER, "password": PASSWORD, "domain": DOMAIN, **changes}


def endpoint(box, name):
    """(host, port) of its socket "sip" or "rtp"."""
    host, _, port = box.ready["addresses"][name].partition(":")
    return host, int(port)
