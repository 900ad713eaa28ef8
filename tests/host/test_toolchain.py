"""The cache of what is slow to get, and the refusals of what builds for boards."""

import multiprocessing

import pytest

from femtohost.errors import UserError
from femtohost.toolchain import bare, cache, mpy, names, natmod, sources


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FEMTOJACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MICROPY_DIR", raising=False)
    return tmp_path / "cache"


def test_a_thing_is_made_once(folder):
    made = []

    def make(path):
        made.append(path)
        path.write_text("whole")

    assert cache.kept("a/b", make) == cache.kept("a/b", make) == folder / "a" / "b"
    assert len(made) == 1 and (folder / "a" / "b").read_text() == "whole"


def test_what_fails_half_way_is_not_there_and_is_made_anew(folder):
    def fails(path):
        path.mkdir()
        (path / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.kept("thing", fails)
    assert not (folder / "thing").exists()
    place = cache.kept("thing", lambda path: path.mkdir())
    assert list(place.iterdir()) == []


def _count(path):
    (path.parent / "count").open("a").write("x")
    path.mkdir()


def _wanted_by_one_process(barrier):
    barrier.wait()
    cache.kept("shared", _count)


def test_two_processes_make_it_once(folder):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    processes = [context.Process(target=_wanted_by_one_process, args=(barrier,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert (folder / "count").read_text() == "x"


def test_a_digest_says_what_is_in_files_and_where(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.c").write_text("int a;")
    before = cache.digest(tmp_path / "one", "gcc 12")
    assert before == cache.digest(tmp_path / "one", "gcc 12") != cache.digest(tmp_path / "one", "gcc 13")
    (tmp_path / "one" / "a.c").rename(tmp_path / "one" / "b.c")
    renamed = cache.digest(tmp_path / "one", "gcc 12")
    (tmp_path / "one" / "b.c").write_text("int b;")
    assert len({before, renamed, cache.digest(tmp_path / "one", "gcc 12")}) == 3
    assert cache.digest(b"ab", b"c") != cache.digest(b"a", b"bc")


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "is no source tree"),
        ("#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 24\n", "is MicroPython 1.24"),
    ],
)
def test_another_source_than_1_25_is_refused(monkeypatch, tmp_path, header, words):
    (tmp_path / "py").mkdir()
    if header:
        (tmp_path / "py" / "mpconfig.h").write_text(header)
    monkeypatch.setenv("MICROPY_DIR", str(tmp_path))
    with pytest.raises(UserError, match=words) as error:
        sources.micropython_source()
    assert str(tmp_path) in one_line(error)


def test_a_given_source_is_taken(monkeypatch, tmp_path):
    (tmp_path / "py").mkdir()
    version = "#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 25\n"
    (tmp_path / "py" / "mpconfig.h").write_text(version)
    monkeypatch.setenv("MICROPY_DIR", str(tmp_path))
    assert sources.micropython_source() == tmp_path


def test_without_apt_the_line_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FEMTOJACK_DEBIAN", "http://127.0.0.1:9/debian")
    with pytest.raises(UserError, match=r"micropython .*MICROPY_DIR") as error:
        sources.micropython_source()
    one_line(error)


def test_the_esp32_s3_wants_esp_idf(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="ESP-IDF"):
        natmod.build("xtensawin")


@pytest.mark.parametrize("build", [natmod.build, bare.build])
def test_a_missing_compiler_is_told_with_its_package(monkeypatch, tmp_path, build):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get install gcc-arm-none-eabi") as error:
        build("armv6m")
    one_line(error)


def test_an_unknown_architecture_is_refused(tmp_path):
    with pytest.raises(UserError, match="armv7emsp"):
        natmod.build("arm")
    with pytest.raises(UserError, match="armv7emsp"):
        mpy.compile_tree(tmp_path, tmp_path / "out", "arm")


def test_a_tree_is_compiled_in_order(tmp_path):
    (tmp_path / "src" / "pack").mkdir(parents=True)
    for name in ("b.py", "a.py", "pack/c.py"):
        (tmp_path / "src" / name).write_text("x = 1\n")
    made = mpy.compile_tree(tmp_path / "src", tmp_path / "out", "armv6m")
    assert [str(path.relative_to(tmp_path / "out")) for path in made] == ["a.mpy", "b.mpy", "pack/c.mpy"]
    assert all(path.read_bytes()[:2] == b"M\x06" for path in made)


def test_what_micropython_cannot_compile_is_told(tmp_path):
    (tmp_path / "x.py").write_text("match 1:\n    case 1:\n        pass\n")
    with pytest.raises(UserError, match=r"x\.py: SyntaxError"):
        mpy.compile_file(tmp_path / "x.py", tmp_path / "x.mpy", "x64")


def test_names_and_short_texts_of_code_are_mentioned(tmp_path):
    source = tmp_path / "x.py"
    source.write_text(
        '"""A long description."""\n\n\ndef first(second=b"octets"):\n    return second.third("short", f"in {first}")\n'
    )
    text = names.module([source])
    lines = text.splitlines()
    assert lines == ["def f(f):", "    f.first", "    f.second", "    f.third", "    f('in ')", "    f('short')"]
    (tmp_path / names.MODULE).write_text(text)
    mpy.compile_file(tmp_path / names.MODULE, tmp_path / "names.mpy", "armv6m")
    octets = (tmp_path / "names.mpy").read_bytes()
    assert all(name in octets for name in (b"first", b"second", b"third", b"short"))
