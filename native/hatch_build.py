"""Compile the C core into `_femtonative` and add it to the wheel (hatchling build hook)."""

import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


class NativeBuildHook(BuildHookInterface):
    """Adds the compiled extension to normal and editable wheels alike."""

    def initialize(self, version, build_data):
        from ffi_build import compile_extension

        library = compile_extension(Path(self.root) / "build" / "native")
        key = "force_include_editable" if version == "editable" else "force_include"
        build_data[key][str(library)] = library.name
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
