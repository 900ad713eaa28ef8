"""Who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FIRMWARE = {"femtojack", "micropython", "struct", "array", "binascii", "hashlib", "gc"}
ISOLATED = ("models", "peers")  # a model that read the firmware's constants would test itself


def modules(path):
    """Every module that a file imports, dotted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(path):
    return {module.split(".")[0] for module in modules(path)}


def files(folder):
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", files("firmware/femtojack"), ids=name)
def test_firmware_imports_itself_and_what_every_board_has(path):
    assert roots(path) <= FIRMWARE


@pytest.mark.parametrize("part", ISOLATED)
def test_models_and_peers_never_import_the_firmware(part):
    for path in files(f"host/femtohost/{part}"):
        assert "femtojack" not in roots(path), path


def test_the_host_never_imports_a_board():
    for path in files("host/femtohost"):
        assert not roots(path) & {"boards", "board"}, path


@pytest.mark.parametrize("file", ["cli.py", "pytest_plugin.py"])
def test_the_commands_and_fixtures_reach_models_only_through_the_emulator(file):
    found = set(modules(ROOT / "host/femtohost" / file))
    assert not any(module.startswith(("femtohost.models", "femtohost.peers")) for module in found)


def test_system_tests_use_the_fixture_only():
    for path in files("tests/system"):
        reached = {module for module in modules(path) if module.split(".")[0] in ("femtojack", "femtohost")}
        assert not any(module.startswith(("femtojack", "femtohost.models")) for module in reached), path


def test_the_reader_of_imports_sees_them(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("import os.path\ndef f():\n    from femtojack.line import slic\n")
    assert set(modules(file)) == {"os.path", "femtojack.line", "femtojack.line.slic"}
