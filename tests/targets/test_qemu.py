"""The native code on Cortex-M under QEMU, alone and in a MicroPython image: `pytest tests/targets --target qemu`."""

import time

import numpy as np
import pytest
from gsm_scene import by_sip, record, with_each_other
from vectors import CASES, SEED, coded, companded, expected, expected_digests, packed, script, speech

from femtohost.errors import UserError
from femtohost.measure import arm
from femtohost.toolchain import natmod

ARM = ("armv6m", "armv7m", "armv7emsp")
CELL_HEAP = 60 * 1024  # octets: eight dedicated channels, with all that is on them
BY_SIP_HEAP = 80 * 1024  # the same, and four calls of the user agent: RTP sessions, dialogs, transactions
IN_IMAGE = [case for case in CASES if case.taps != 16]


@pytest.fixture(scope="module", params=ARM)
def outcome(qemu, request):
    """(architecture, Outcome of all cases)."""
    begin = time.monotonic()
    try:
        found = arm.run(request.param, CASES)
    except UserError as error:
        pytest.skip(str(error))
    print(f"{request.param}: built and run in {time.monotonic() - begin:.1f} s, seed {SEED}")
    return request.param, found


def test_bare_canceller_gives_the_host_s_bits(outcome):
    _, found = outcome
    for case, sout in zip(CASES, found.sout, strict=True):
        assert np.array_equal(sout, expected(case)[0]), (case.taps, case.flags)


def test_bare_companding_gives_the_host_s_bits(outcome):
    encoded, decoded = companded()
    assert outcome[1].companded == b"".join(encoded + decoded)


@pytest.mark.parametrize("march", ARM)
def test_bare_codecs_give_the_host_s_bits(qemu, march):
    try:
        found = arm.run_codecs(march, speech())
    except UserError as error:
        pytest.skip(str(error))
    for name, instructions in found.instructions.items():
        print(f"{march}: {name}: {instructions:.0f} instructions a sample, {arm.mhz(instructions)} MHz")
    halved, frames, decoded, received = coded(speech())
    assert np.array_equal(found.halved, halved)
    assert found.frames == frames
    assert np.array_equal(found.decoded, decoded)
    assert np.array_equal(found.received, received)


def test_instructions_stay_within_the_budget(outcome):
    march, found = outcome
    for case, instructions in zip(CASES, found.instructions, strict=True):
        print(f"{march}: {case.taps} taps, flags {case.flags}: {instructions:.0f} instructions a sample")
        if case.taps == 128 and march in arm.LIMITS_MHZ:
            assert arm.mhz(instructions) <= arm.LIMITS_MHZ[march]


def run_script(qemu, name, data=b"", **parameters):
    """The lines that a script of this folder prints."""
    begin = time.monotonic()
    lines = qemu.run(script(name, **parameters), data).splitlines()
    print(f"{name}: {time.monotonic() - begin:.1f} s")
    return lines


def run_vectors(qemu, cases, module=b""):
    data, table = packed(cases)
    places = {"base": qemu.DATA, "size": len(data) + len(module), "module_at": len(data), "module": len(module)}
    return run_script(qemu, "vectors.py", data + module, cases=table, **places)


def test_module_in_the_image_gives_the_host_s_bits(qemu):
    assert run_vectors(qemu, IN_IMAGE) == list(expected_digests(IN_IMAGE))


def test_loaded_native_module_gives_the_host_s_bits(qemu):
    try:
        module = natmod.build("armv7m").read_bytes()
    except UserError as error:
        pytest.skip(str(error))
    print(f"femtovoice.mpy: {len(module)} bytes")
    few = [case for case in CASES if case.taps == 128]  # QEMU is slow with code that lies beside data in RAM
    assert run_vectors(qemu, few, module) == list(expected_digests(few))


def test_what_does_not_fit_is_refused(qemu):
    lines = run_script(qemu, "arguments.py")
    assert lines[-1] == "done 64"
    assert not any(line.startswith("accepted") for line in lines) and len(lines) == 15


def test_the_voice_path_allocates_nothing(qemu):
    lines = run_script(qemu, "voice_path.py", spend=False)
    print(*lines, sep="\n")
    assert lines[0] == "sent 600" and lines[1].startswith("received 540 ") and lines[1].endswith(" bad 0")


def test_an_allocation_in_the_voice_path_is_found(qemu):
    with pytest.raises(qemu.ScriptFailed, match="MemoryError"):
        run_script(qemu, "voice_path.py", spend=True)


def test_usb_callbacks_allocate_nothing(qemu):
    answers = eval(run_script(qemu, "callbacks.py")[0])
    print(answers)
    assert answers[0] == 2 and answers[-1] == 0


@pytest.mark.parametrize(("talk", "limit"), [(with_each_other, CELL_HEAP), (by_sip, BY_SIP_HEAP)])
def test_eight_phones_stay_within_the_heap(qemu, monkeypatch, talk, limit):
    """On a processor of 32 bits; all that the cell sends is the same, octet for octet, as on this machine."""
    config, tape = record(monkeypatch, talk)
    place = {"base": qemu.DATA, "size": len(tape.octets)}
    lines = run_script(qemu, "gsm_replay.py", tape.octets, config=config, channels=8, every=16, **place)
    modules, cell, most, steps = map(int, lines[0].split())
    print(f"heap: names of the GSM modules {modules}; cell {cell}, with eight phones {most} of {limit} octets")
    assert 0 < cell < most <= limit and steps > 100
    assert lines[1] == tape.sent.hexdigest()


def test_a_script_s_traceback_is_told(qemu):
    with pytest.raises(qemu.ScriptFailed, match="ZeroDivisionError"):
        qemu.run("print('before')\n1 / 0\n")


def test_runs_are_the_same_every_time(qemu):
    # The counter begins at 0: read late, it would be an integer of the heap in some runs and a small one in others.
    script = """
from machine import mem32
mem32[0x40028018] = 0
for i in range(1000): pass
print(mem32[0x40028018])
"""
    first, second = (round(int(qemu.run(script)) * 40 / 1024) for _ in range(2))  # 25 MHz, 1024 ns an instruction
    assert first == second
