"""The cffi binding of the C core: `_femtonative`.

What the binding declares is cut from the headers themselves, between the lines
`/* api */` and `/* end api */`, so that header and binding cannot part.
"""

import re
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent
SOURCES = ["ec.c", "g711.c"]
HEADERS = ["ec.h", "g711.h"]


def api(header):
    """Declarations of one header, as cffi's parser wants them: no preprocessor lines, no comments."""
    text = (HERE / header).read_text()
    part = re.search(r"/\* api \*/(.*)/\* end api \*/", text, re.S).group(1)
    part = re.sub(r"/\*.*?\*/", "", part, flags=re.S)
    constants = {line for line in part.splitlines() if re.match(r"#define \w+ +[-(\w]", line)}
    lines = [re.sub(r"(#define \w+).*", r"\1 ...", line) if line in constants else line for line in part.splitlines()]
    return "\n".join(line for line in lines if not line.startswith("#") or line in lines and line.endswith("..."))


def builder():
    """The FFI object that knows both the declarations and the sources."""
    ffi = FFI()
    ffi.cdef("\n".join(api(header) for header in HEADERS))
    ffi.set_source(
        "_femtonative",
        "\n".join(f'#include "{header}"' for header in HEADERS),
        sources=[str(HERE / source) for source in SOURCES],
        include_dirs=[str(HERE)],
        extra_compile_args=["-std=c99", "-O2", "-Wall", "-Wextra"],
    )
    return ffi


def compile_extension(folder):
    """Compile into `folder`; returns the path of the shared object."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(builder().compile(tmpdir=str(folder)))
