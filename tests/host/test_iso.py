"""Installer images: the same bytes from the same files, names, autorun.inf, and what is refused."""

import hashlib
import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycdlib import PyCdlib

from femtohost.iso import IsoError, build, iso_name


@pytest.fixture
def folder(tmp_path):
    """A folder of a few files, one of them in a folder within a folder."""
    root = tmp_path / "files"
    (root / "sub" / "Dir with blanks").mkdir(parents=True)
    (root / "setup.exe").write_bytes(bytes(range(256)) * 40)
    (root / "empty").touch()
    (root / "sub" / "Dir with blanks" / "Łódź, a long name.text.txt").write_text("hello")
    return root


def read(path, name, kind="joliet_path"):
    """The octets of one file of an image."""
    image = PyCdlib()
    image.open(str(path))
    with image.open_file_from_iso(**{kind: name}) as file:
        data = file.read()
    image.close()
    return data


def test_both_trees_lead_to_every_file(folder, tmp_path):
    disc = build(folder, tmp_path / "a.iso", "DISC_1")
    assert (disc.volume, disc.files, disc.folders) == ("DISC_1", 4, 2)
    assert disc.bytes == os.path.getsize(disc.path) and disc.bytes % 2048 == 0
    assert disc.sha256 == hashlib.sha256((tmp_path / "a.iso").read_bytes()).hexdigest()
    assert read(disc.path, "/setup.exe") == (folder / "setup.exe").read_bytes()
    assert read(disc.path, "/sub/Dir with blanks/Łódź, a long name.text.txt") == b"hello"
    assert read(disc.path, "/SUB/DIR_WITH_BLANKS/__D___A_LONG_NAME_TEXT.TXT;1", "iso_path") == b"hello"
    assert read(disc.path, "/empty") == b""


def test_the_same_files_give_the_same_bytes(folder, tmp_path, monkeypatch):
    first = build(folder, tmp_path / "a.iso")
    os.utime(folder / "setup.exe", (1, 1))
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert build(folder, tmp_path / "b.iso").sha256 == first.sha256
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert build(folder, tmp_path / "c.iso").sha256 != first.sha256
    assert b"1970010200000000" in (tmp_path / "c.iso").read_bytes()
    (folder / "empty").write_text("no more")
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert build(folder, tmp_path / "d.iso").sha256 != first.sha256


def test_no_date_is_the_present(folder, tmp_path):
    disc = build(folder, tmp_path / "a.iso")
    image = PyCdlib()
    image.open(disc.path)
    for tree in ("iso_path", "joliet_path"):
        for path, folders, files in image.walk(**{tree: "/"}):
            for name in [".", *folders, *files]:
                record = image.get_record(**{tree: path if name == "." else path.rstrip("/") + "/" + name})
                assert (record.date.years_since_1900, record.date.month, record.date.hour) == (120, 1, 0)
    image.close()


def test_an_autorun_inf_is_made_or_kept(folder, tmp_path):
    (folder / "jack.ico").touch()
    disc = build(folder, tmp_path / "a.iso", "JACK")
    made = b"[autorun]\r\nlabel=JACK\r\nopen=setup.exe\r\nicon=jack.ico\r\n"
    assert read(disc.path, "/autorun.inf") == read(disc.path, "/AUTORUN.INF;1", "iso_path") == made
    (folder / "AutoRun.inf").write_text("[autorun]\r\n")
    disc = build(folder, tmp_path / "b.iso")
    assert read(disc.path, "/AutoRun.inf") == b"[autorun]\r\n"
    assert disc.files == 5


LEGAL = {False: re.compile(r"[A-Z0-9_]{0,30}\.[A-Z0-9_]{0,30}"), True: re.compile(r"[A-Z0-9_]{1,31}")}


@given(st.lists(st.tuples(st.text(min_size=1, max_size=70), st.booleans()), max_size=40))
def test_short_names_are_legal_and_unlike(names):
    taken = set()
    for name, is_folder in names:
        short = iso_name(name, is_folder, taken)
        assert LEGAL[is_folder].fullmatch(short) and len(short) <= 31 and short != "."
        assert short not in taken
        taken.add(short)


@given(st.sets(st.text("abcdeABCDEéß.- _~", min_size=1, max_size=12), max_size=8))
def test_any_names_can_be_read_back(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("names")
    names = {name.casefold(): name for name in names if name.strip(".")}.values()
    (root / "files").mkdir()
    for name in names:
        (root / "files" / name).write_text(name)
    disc = build(root / "files", root / "a.iso")
    assert all(read(disc.path, "/" + name).decode() == name for name in names)


def test_what_links_lead_to_is_on_the_disc(folder, tmp_path):
    (folder / "link").symlink_to("setup.exe")
    disc = build(folder, tmp_path / "a.iso")
    assert read(disc.path, "/link") == (folder / "setup.exe").read_bytes()


def deep(folder):
    (folder / "/".join("12345678")).mkdir(parents=True)


REFUSED = {
    "capitals": (lambda folder: (folder / "SETUP.exe").touch(), "capitals"),
    "letters": (lambda folder: (folder / "a:b").touch(), "a:b"),
    "long": (lambda folder: (folder / ("n" * 65)).touch(), "64 characters"),
    "not UTF-8": (lambda folder: open(os.fsencode(folder) + b"/\xff", "w").close(), "UTF-8"),
    "deep": (deep, "7 levels"),
    "loop": (lambda folder: (folder / "loop").symlink_to("."), "7 levels"),
    "dangling": (lambda folder: (folder / "gone").symlink_to("nowhere"), "link to nothing"),
    "pipe": (lambda folder: os.mkfifo(folder / "pipe"), "neither file nor folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_disc_can_hold_is_refused(case, folder, tmp_path):
    spoil, says = REFUSED[case]
    spoil(folder)
    with pytest.raises(IsoError, match=says):
        build(folder, tmp_path / "a.iso")
    assert list(tmp_path.iterdir()) == [folder]


def test_wrong_places_and_words_are_one_line(run, folder, tmp_path, monkeypatch):
    def refusal(*arguments):
        code, out, err = run("iso", "build", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err

    assert "no such folder" in refusal("nowhere", "-o", "a.iso")
    assert "not a folder" in refusal(folder / "empty", "-o", "a.iso")
    assert "hold itself" in refusal(folder, "-o", folder / "sub" / "a.iso")
    assert "folder that exists" in refusal(folder, "-o", "nowhere/a.iso")
    assert "folder that exists" in refusal(folder, "-o", tmp_path)
    assert "--volume" in refusal(folder, "-o", "a.iso", "--volume", "my disc")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "-1")
    assert "SOURCE_DATE_EPOCH" in refusal(folder, "-o", "a.iso")


def test_the_command(run, folder, tmp_path):
    code, out, err = run("iso", "build", folder, "-o", "a.iso", "--volume", "JACK", "--json")
    disc = json.loads(out)
    assert (code, err) == (0, "")
    assert (disc["path"], disc["volume"], disc["files"]) == ("a.iso", "JACK", 4)
    code, out, _ = run("iso", "build", folder, "-o", "b.iso", "--volume", "JACK")
    assert (code, out.startswith("b.iso: 4 files, 2 folders, ")) == (0, True)
    assert disc["sha256"] in out


def test_progress_reaches_its_end(folder, tmp_path):
    seen = []
    disc = build(folder, tmp_path / "a.iso", progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (disc.bytes, disc.bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
