"""Deploying: complete and verified, or what was there before. On a real MicroPython with a real littlefs."""

import pytest
from host_boards import ROMFS, bundle_of, make_board

from femtohost.desk.deploy import deploy
from femtohost.desk.link import Link
from femtohost.desk.slots import ENTER
from femtohost.errors import BoardLost, UserError


@pytest.fixture(autouse=True)
def rung(request):
    if not request.config.getoption("--target").startswith("micropython"):
        pytest.skip("deploys to a real interpreter, for a minute: runs with --target micropython")


@pytest.fixture(scope="module", params=(0, ROMFS), ids=("files", "romfs"))
def romfs(request):
    """Octets of the image's partition for ROMFS."""
    return request.param


@pytest.fixture
def host_board(tmp_path, romfs):
    board = make_board(tmp_path / "flash.bin", romfs)
    yield board
    board.close()


def put(board, bundle, **options):
    with Link(board.port) as link:
        return deploy(link, bundle, **options)


def boot(board):
    """What the board prints when it starts what is deployed."""
    with Link(board.port) as link:
        return link.run("exec(open('main.py').read())").strip()


def test_a_bare_board_runs_what_was_deployed(host_board, romfs):
    seen = []
    result = put(host_board, bundle_of(1), progress=lambda done, of: seen.append((done, of)))
    assert result["verified"] and result["slot"] == "a"
    assert seen[-1][0] == seen[-1][1] >= bundle_of(1).size
    assert result["kind"] == ("romfs" if romfs else "files")
    assert boot(host_board) == "runs 1"


def test_the_next_one_goes_into_the_other_slot(host_board):
    assert [put(host_board, bundle_of(n))["slot"] for n in (1, 2, 3)] == ["a", "b", "a"]
    assert boot(host_board) == "runs 3"


def test_a_file_that_was_dropped_is_not_left_behind(host_board):
    for bundle in (bundle_of(1, {"old.py": b"x = 1\n"}), bundle_of(2), bundle_of(3)):
        put(host_board, bundle)
    with Link(host_board.port) as link:
        assert "old.py" not in link.ask(f"{ENTER}import os\nprint(os.listdir('a'))")


def test_the_configuration_goes_there_and_stays(host_board):
    put(host_board, bundle_of(1), config={"sip": {"user": "100"}})
    put(host_board, bundle_of(2))
    with Link(host_board.port) as link:
        assert link.ask("import json\nprint(json.load(open('config.json')))") == {"sip": {"user": "100"}}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory, romfs):
    """A flash on which version 2 was deployed over version 1, and how many writes that took."""
    board = make_board(tmp_path_factory.mktemp("flash") / "flash.bin", romfs)
    put(board, bundle_of(1))
    put(board, bundle_of(2))
    board.close()
    return board.flash.read_bytes(), board.writes


@pytest.mark.parametrize("percent", (0, 15, 30, 45, 60, 75, 85, 92, 96, 99))
def test_a_power_cut_leaves_the_old_one_or_the_new_one(host_board, deployed, percent):
    flash, writes = deployed
    host_board.flash.write_bytes(flash)
    host_board.cut = 1 + (writes - 1) * percent // 100
    with pytest.raises((BoardLost, UserError)):
        put(host_board, bundle_of(3))
    host_board.cut = 0
    assert boot(host_board) in ("runs 2", "runs 3")


def test_after_a_power_cut_it_deploys_again(host_board, deployed):
    flash, writes = deployed
    host_board.flash.write_bytes(flash)
    host_board.cut = writes // 2
    with pytest.raises((BoardLost, UserError)):
        put(host_board, bundle_of(3))
    host_board.cut = 0
    put(host_board, bundle_of(4))
    assert boot(host_board) == "runs 4"


def test_what_was_written_wrong_is_not_started(host_board, monkeypatch):
    put(host_board, bundle_of(1))
    run = Link.run
    spoil = "unpack(b'", "unpack(b'AAAA' + b'"
    monkeypatch.setattr(Link, "run", lambda link, code, *rest: run(link, code.replace(*spoil), *rest))
    with pytest.raises((BoardLost, UserError)):
        put(host_board, bundle_of(2))
    monkeypatch.undo()
    assert boot(host_board) == "runs 1"


def test_another_main_is_kept_unless_forced(host_board):
    with Link(host_board.port) as link:
        link.run("f = open('main.py', 'w')\nf.write('print(1)')\nf.close()")
    with pytest.raises(UserError, match="--force"):
        put(host_board, bundle_of(1))
    assert boot(host_board) == "1"
    put(host_board, bundle_of(1), force=True)
    assert boot(host_board) == "runs 1"


def test_no_room(host_board):
    with pytest.raises(UserError, match="has room for"):
        put(host_board, bundle_of(1, {"large.bin": bytes(2 << 20)}))


def test_the_wrong_board(host_board):
    from femtohost.desk.catalog import find

    with Link(host_board.port) as link, pytest.raises(UserError, match="not a Pico"):
        link.expect(find("rp2_pico"))
