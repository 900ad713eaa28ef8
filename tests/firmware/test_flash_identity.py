"""The identity in three copies: damage of any kind to one or two is healed, all lost is no default."""

import random

import pytest
from flash_bench import NUMBER, SERIAL, Bench, Cut
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.models.nor_silicon import OUTCOMES
from femtojack.flash.identity import SIZE, Identity, pack_copy, parse_copy
from femtojack.flash.layout import COPIES, PAGE, SECTOR

CRASHES = st.lists(st.tuples(st.integers(1, 8), st.sampled_from(OUTCOMES)), max_size=5)


def load(bench):
    identity = Identity(bench.driver())
    identity.load()
    return identity


def copies(bench):
    return [parse_copy(bench.silicon.read(address, SIZE)) for address in COPIES]


def damage(bench, copy, octets=b"\0" * 8, offset=4):
    bench.silicon.store.write(COPIES[copy] + offset, octets)


@pytest.fixture
def bench():
    return Bench().provision()


def test_the_octets_are_as_documented():
    copy = pack_copy("AB", "12", 258)
    assert copy[:12] == b"FJID\x01\x02\x02\x00\x02\x01\x00\x00"
    assert copy[12:44] == b"AB".ljust(32, b"\0") and copy[44:76] == b"12".ljust(32, b"\0") and len(copy) == 108
    assert parse_copy(copy) == (258, "AB", "12")


def test_no_single_bit_can_be_flipped_and_nothing_be_cut_off():
    copy = pack_copy(SERIAL, NUMBER, 1)
    for i in range(8 * SIZE):
        octets = bytearray(copy)
        octets[i // 8] ^= 1 << i % 8
        assert parse_copy(bytes(octets)) is None, i
    for n in range(SIZE):
        assert parse_copy(copy[:n]) is None and parse_copy(copy[:n].ljust(SIZE, b"\xff")) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_provisioned_is_read_back_or_refused(serial, number):
    try:
        copy = pack_copy(serial, number, 0)
    except ValueError:
        return
    assert parse_copy(copy) == (0, serial, number)


@pytest.mark.parametrize(
    ("serial", "number"), [("", "1"), ("a b", "1"), ("x" * 33, "1"), ("é", "1"), ("a", "12x"), ("a", "1" * 33)]
)
def test_an_identity_of_the_wrong_form_is_refused(bench, serial, number):
    with pytest.raises(ValueError):
        Identity(bench.driver()).provision(serial, number)
    assert load(bench).serial == SERIAL


def test_three_copies_in_three_blocks(bench):
    assert copies(bench) == [(0, SERIAL, NUMBER)] * 3
    identity = load(bench)
    assert (identity.serial, identity.number, identity.copies) == (SERIAL, NUMBER, 3)
    assert bench.operations == 0 and not list(bench.misuse)


@pytest.mark.parametrize("lost", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_damaged_copies_are_healed(bench, lost):
    for copy in lost:
        damage(bench, copy)
    identity = load(bench)
    assert (identity.serial, identity.number, identity.copies) == (SERIAL, NUMBER, 3 - len(lost))
    assert copies(bench) == [(0, SERIAL, NUMBER)] * 3
    assert [address for kind, address in bench.log if kind == "erase"] == [COPIES[copy] for copy in lost]
    assert identity._nor.protected and not list(bench.misuse)
    assert load(bench.again()).copies == 3


def test_any_octet_of_a_copy(bench):
    for offset in range(SIZE):
        damage(bench, offset % 3, b"\x55", offset)
        assert load(bench).serial == SERIAL
    assert copies(bench) == [(0, SERIAL, NUMBER)] * 3


def test_all_copies_lost_is_no_default(bench):
    for copy in range(3):
        damage(bench, copy)
    for _ in range(2):
        bench = bench.again()
        boot = bench.boot()
        assert boot.identity.serial is None and boot.identity.number is None and boot.identity.copies == 0
        assert boot.fault == "no identity" and boot.slot == "golden"
        assert boot.status()["serial"] is None
        assert bench.operations == 0  # nothing was made up


def test_a_cell_that_cannot_be_healed_leaves_the_others(bench):
    bench.silicon.stick(COPIES[1] + 6, 0, 1 - (NUMBER and len(NUMBER) & 1))
    for _ in range(3):
        bench = bench.again()
        identity = load(bench)
        assert identity.serial == SERIAL and identity.copies == 2
        assert identity._nor.protected


def erased(bench):
    return [address for kind, address in bench.log if kind == "erase"]


def test_copies_1_and_2_stay_closed_while_copy_0_does_not_hold(bench):
    bench.silicon.stick(COPIES[0] + 8, 0, 1)
    damage(bench, 1)
    identity = load(bench)
    assert identity.serial == SERIAL and identity.copies == 1
    assert erased(bench) == [COPIES[0]] and identity._nor.protected


def test_a_copy_without_its_seal_is_written_again(bench):
    damage(bench, 1, bytes(4), PAGE)
    identity = load(bench)
    assert identity.copies == 3 and erased(bench) == [COPIES[1]]
    assert bench.silicon.read(COPIES[1] + PAGE, SIZE) == pack_copy(SERIAL, NUMBER, 0)


@pytest.mark.parametrize("good", range(3))
def test_the_last_copy_needs_no_seal(bench, good):
    for copy in range(3):
        damage(bench, copy, bytes(4), PAGE if copy == good else 0)
    assert load(bench).copies == 1
    assert load(bench.again()).copies == 3


def test_of_two_that_may_be_read_by_luck_neither_is_risked(bench):
    damage(bench, 0, bytes(4), PAGE)
    damage(bench, 1, bytes(4), PAGE)
    damage(bench, 2)
    assert load(bench).copies == 2 and load(bench).serial == SERIAL
    assert erased(bench) == []


def test_provisioning_again_takes_the_place_of_the_old(bench):
    identity = load(bench)
    assert identity.provision("NEW", "42") and (identity.serial, identity.number) == ("NEW", "42")
    assert len(set(copies(bench))) == 1


def half_provisioned(bench):
    """Power failed in a second provisioning: copy 0 is the new box, copy 1 damaged, copy 2 the old one."""
    for offset in (0, PAGE):
        damage(bench, 0, pack_copy("NEW", "42", 1), offset)
    damage(bench, 1)


def test_an_old_copy_stands_until_the_damaged_one_is_healed(bench):
    half_provisioned(bench)
    assert load(bench).serial == "NEW"
    assert [address for kind, address in bench.log if kind == "erase"] == [*COPIES[1:]]
    assert copies(bench) == [(1, "NEW", "42")] * 3


def test_an_old_copy_stands_when_the_damaged_one_cannot_be_healed(bench):
    half_provisioned(bench)
    bench.silicon.stick(COPIES[1] + 8, 0, 0)
    assert load(bench).serial == "NEW"
    assert copies(bench) == [(1, "NEW", "42"), None, (0, SERIAL, NUMBER)]


def life(bench, crashes):
    """Power cuts while the identity is read and healed; then power that stays."""
    for at, outcome in crashes:
        bench = bench.again(cut_at=at, outcome=outcome)
        try:
            identity = load(bench)
        except Cut:
            continue
        assert (identity.serial, identity.number) == (SERIAL, NUMBER)
    bench = bench.again()
    identity = load(bench)
    assert (identity.serial, identity.number) == (SERIAL, NUMBER)
    load(bench)
    assert identity._nor.protected


@given(st.sampled_from([(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]), CRASHES, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_healing_is_cut_anywhere(lost, crashes, seed):
    """I6"""
    bench = Bench(seed=seed).provision()
    for copy in lost:
        damage(bench, copy)
    life(bench, crashes)


def test_healing_is_cut_twice_at_every_pair_of_operations():
    start = Bench().provision()
    damage(start, 0)
    damage(start, 2)
    start.chip.cut("after")
    for i in range(1, 6):
        for j in range(1, 6):
            for first in OUTCOMES:
                for second in OUTCOMES:
                    bench = Bench(start.silicon.fork(random.Random(i * 10 + j)))
                    life(bench, [(i, first), (j, second)])


@given(CRASHES, st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_provisioning_again_is_cut_anywhere(crashes, seed):
    """The box is the old one or the new one, never none."""
    bench = Bench(seed=seed).provision()
    known = {(SERIAL, NUMBER), ("NEW", "42")}
    for at, outcome in crashes:
        bench = bench.again(cut_at=at, outcome=outcome)
        try:
            identity = load(bench)
            assert (identity.serial, identity.number) in known
            assert identity.provision("NEW", "42")
        except Cut:
            pass
    identity = load(bench.again())
    assert (identity.serial, identity.number) in known


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, SECTOR - 64), st.binary(min_size=1, max_size=64)), max_size=6)
)
@settings(max_examples=100, deadline=None)
def test_rot_never_makes_another_identity(spots):
    bench = Bench().provision()
    for copy, offset, octets in spots:
        damage(bench, copy, octets, offset)
    identity = load(bench)
    assert identity.serial in (SERIAL, None) and identity.number in (NUMBER, None)
    assert (identity.serial is None) == (identity.copies == 0)
