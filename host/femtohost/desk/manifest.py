"""What a board runs: its manifest.py, in the words of MicroPython's manifests that femtojack's use.

module(name, base_path), package(name, base_path), include(file): paths are relative to the manifest. What comes from
MicroPython's own tree ($(PORT_DIR), $(MPY_DIR)) is part of its image, and is not deployed.
"""

from pathlib import Path

from femtohost.errors import UserError


def read_manifest(path):
    """{path on the board: source file} of every Python file, sorted."""
    reader = _Reader()
    reader.include(path)
    return dict(sorted(reader.files.items()))


class _Reader:
    def __init__(self):
        self.files = {}
        self._folder = None

    def include(self, file):
        if str(file).startswith("$("):
            return
        path = (self._folder or Path()) / file
        outer, self._folder = self._folder, path.parent
        try:
            words = {"module": self.module, "package": self.package, "include": self.include}
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), words)
        except (OSError, SyntaxError, NameError, TypeError) as error:
            raise UserError(f"{path}: {error}") from None
        finally:
            self._folder = outer

    def module(self, name, base_path="."):
        self._add(name, self._folder / base_path / name)

    def package(self, name, base_path="."):
        folder = self._folder / base_path / name
        sources = sorted(folder.rglob("*.py"))
        if not sources:
            raise UserError(f"{folder}: no package; the manifest in {self._folder} names it")
        for source in sources:
            self._add(f"{name}/{source.relative_to(folder).as_posix()}", source)

    def _add(self, name, source):
        if not source.is_file():
            raise UserError(f"{source}: no such file; the manifest in {self._folder} names it")
        self.files[name] = source
