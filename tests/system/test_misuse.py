"""Firmware that breaks a datasheet or the step contract is named with the section that it broke."""


def frame(box, *octets):
    """One SPI frame on the box's own bus, as the firmware's driver makes it."""
    for octet in octets:
        box.board.cs_slic.value(0)
        box.board.spi_slic.write_readinto(bytes([octet]), bytearray(1))
        box.board.cs_slic.value(1)


def in_service(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    assert box.misuse == []


def test_reading_an_indirect_register_while_it_is_busy(box):
    in_service(box)
    frame(box, 30, 5)  # reg 30: start the access
    frame(box, 0x80 | 28, 0)  # reg 28: too soon
    assert [(m.part, m.section) for m in box.misuse] == [("Si3210", "indirect registers")]
    assert "IAS = 1" in str(box.misuse[0])


def test_spinning_on_a_status_register(box):
    in_service(box)
    for _ in range(100):
        frame(box, 0x80 | 31, 0)
    assert [m.section for m in box.misuse] == ["Board contract"]


class Late:
    """An App whose deadlines never move on."""

    def step(self, now):
        return now


def test_deadlines_that_do_not_move_on(box):
    in_service(box)
    box.board.run(Late())
    box.run_for(0.1)
    assert [(m.part, m.section) for m in box.misuse][:1] == [("Board", "step contract")]
