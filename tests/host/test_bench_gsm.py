"""`femtojack bench gsm`: what its figures count; how fast a machine is, no test asks."""

import json

from femtohost.measure.bench_gsm import bench_gsm


def test_seven_busy_channels():
    figures = bench_gsm("seven", 40)
    assert figures["misuse"] == 0 and figures["still_talking"] == 7 and figures["idle_after"]
    assert figures["keys_acknowledged"] == figures["keys"] == 16
    assert figures["texts_delivered"] == figures["texts"] == 4
    assert figures["virtual_s"] >= 40 and figures["speed"] > 0


def test_a_crowd_registers_by_back_off():
    figures = bench_gsm("crowd", 100)
    assert figures["registered"] == figures["phones"] == 100
    assert figures["collisions"] > 0 and figures["misuse"] == 0


def test_part_of_a_day():
    figures = bench_gsm("day", 600)
    assert figures["calls"] == figures["good"] == 1 and figures["misuse"] == 0 and figures["idle_after"]


def test_how_late_speech_is():
    figures = bench_gsm("delay", 1)
    assert (figures["calls"], figures["unheard"]) == (1, 0)
    ways = {name for name in figures if name.endswith("_ms")}
    assert ways == {"phone-phone_ms", "phone-sip_ms", "sip-phone_ms", "phone-line_ms", "line-phone_ms"}
    assert all(15 < figures[way] <= 60 for way in ways)


def test_the_command(run):
    code, out, _ = run("bench", "gsm", "crowd", "--amount", "3", "--json")
    assert code == 0 and json.loads(out)["registered"] == 3
    code, _, err = run("bench", "gsm", "party")
    assert code == 2 and err == "femtojack: party: the scenes are one seven day crowd delay\n"
