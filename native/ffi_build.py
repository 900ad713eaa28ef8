"""The cffi binding of the C core: `_femtonative`.

What the binding declares is cut from the headers themselves, between the lines
`/* api */` and `/* end api */`, so that header and binding cannot part.
"""

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent
SOURCES = sorted(HERE.glob("*.c"))  # all of the core: usermod/ and natmod/ take the same
HEADERS = ["ec.h", "g711.h", "gsm_fr.h", "resample.h"]


def api(header):
    """The declarations of one header."""
    text = (HERE / header).read_text()
    return text.partition("/* api */")[2].partition("/* end api */")[0]


def builder():
    """The FFI object that knows both the declarations and the sources."""
    ffi = FFI()
    ffi.cdef("\n".join(api(header) for header in HEADERS))
    ffi.set_source(
        "_femtonative",
        "\n".join(f'#include "{header}"' for header in HEADERS),
        sources=[str(source) for source in SOURCES],
        include_dirs=[str(HERE)],
        extra_compile_args=["-std=c99", "-O3", "-Wall", "-Wextra"],
    )
    return ffi


def compile_extension(folder):
    """Compile into `folder`; returns the path of the shared object."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(builder().compile(tmpdir=str(folder)))
