"""A running box over HTTP: its status, updates, and hostile clients; and updates by `femtojack image install`."""

import http.client
import json
import random
import socket

import pytest

from femtohost.flash import image, keys
from femtohost.running import RunningBox


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = RunningBox(tmp_path_factory.mktemp("http") / "box", "", "--http", "127.0.0.1:0")
    box.until(lambda: box.ctl("status")["line"] == "on-hook")
    yield box
    box.kill()


def address(box):
    host, _, port = box.ready["addresses"]["http"].partition(":")
    return host, int(port)


def ask(box, method, path, body=None, **headers):
    connection = http.client.HTTPConnection(*address(box), timeout=300)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def update(box, version, counter):
    octets = image.assemble(b"firmware " + version.encode(), "emulator", version, counter)
    return image.sign(octets, keys.load_private(box.profile / "keys" / "factory"))


def test_status(box):
    status, facts = ask(box, "GET", "/status")
    assert status == 200
    assert facts["slot"] == "golden" and len(facts["serial"]) == 12 and facts["update"] == "none"


def test_updates(box, run, tmp_path):
    before = ask(box, "GET", "/status")[1]
    status, facts = ask(box, "POST", "/update", update(box, "2", 2))
    assert (status, facts) == (200, {"result": "confirmed", "slot": "a", "version": "2"})
    status, facts = ask(box, "POST", "/update", update(box, "1", 1))
    assert (status, facts["result"]) == (409, "downgrade")
    status, facts = ask(box, "POST", "/update", bytes(image.LARGEST + 192 + 1))
    assert (status, facts["result"]) == (409, "not-an-image")
    assert ask(box, "GET", "/status")[1]["update"] == "not-an-image"
    (tmp_path / "three.fji").write_bytes(update(box, "3", 3))
    code, out, err = run("image", "install", tmp_path / "three.fji", "--profile", box.profile, "--json")
    assert code == 0 and json.loads(out) == {"result": "confirmed", "slot": "b", "version": "3"}, err
    after = ask(box, "GET", "/status")[1]
    assert (after["serial"], after["number"], after["slot"]) == (before["serial"], before["number"], "b")
    assert after["misuse"] == []


def test_what_there_is_not(box):
    assert ask(box, "GET", "/")[0] == 404
    assert ask(box, "DELETE", "/status")[0] == 405
    assert ask(box, "POST", "/update", b"")[1]["result"] == "truncated"


def test_a_client_that_waits_to_be_asked(box):
    with socket.create_connection(address(box), timeout=600) as client:
        client.sendall(b"POST /update HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"abc")
        assert b"409 Conflict" in client.recv(1000)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"POST /update HTTP/1.1\r\n\r\n", b"411"),
        (b"POST /update HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /update HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b""), (b"\r\n\r\n", b""), (b"GET /\r\n\r\n", b""),
        (b"GET /status HTTP/9\r\n\r\n", b""), (b"x" * 20_000, b""),
    ],
)  # fmt: skip
def test_hostile_requests(box, octets, said):
    with socket.create_connection(address(box), timeout=600) as client:
        client.sendall(octets)
        answer = b""
        try:
            while part := client.recv(1000):
                answer += part
        except ConnectionError:
            pass
    assert said in answer and bool(said) == bool(answer)
    assert ask(box, "GET", "/status")[0] == 200


def test_garbage(box):
    rng = random.Random(5)
    for _ in range(30):
        with socket.create_connection(address(box), timeout=600) as client:
            client.sendall(rng.randbytes(rng.randrange(1, 500)))
    assert ask(box, "GET", "/status")[0] == 200


TAKEN = "(app.status()['flash'] or {}).get('taken', 0)"
CUT = f"def cut(): gateway.power_off() if {TAKEN} > 2000 else clock.after(1_000_000, cut)\n"


def test_the_power_goes_during_an_update(start):
    box = start("", "--http", "127.0.0.1:0", name="cut")
    box.until(lambda: box.ctl("status")["line"] == "on-hook")
    serial = box.ctl("status")["serial"]
    big = image.assemble(random.Random(1).randbytes(200_000), "emulator", "2", 2)
    body = image.sign(big, keys.load_private(box.profile / "keys" / "factory"))
    for source in CUT, "cut()":  # by itself: somebody else's command may come too late
        assert box.ctl("execute", source=source) == {"more": False, "output": ""}
    with socket.create_connection(address(box), timeout=600) as client:
        client.sendall(b"POST /update HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert b"interrupted" in client.recv(1000)
    box.event("power", state="off")
    box.ctl("power", state="on")
    box.until(lambda: box.ctl("status")["line"] == "on-hook")
    status = box.ctl("status")
    assert (status["slot"], status["serial"], status["update"]) == ("golden", serial, "interrupted")
