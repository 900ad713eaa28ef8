"""native/bare/vectors.c with the C core for a Cortex-M: a program for QEMU, without MicroPython."""

from femtohost.toolchain import cache, compilers


def build(march):
    """The path of the program for one of the ARM architectures of compilers.CORES."""
    core, version = compilers.core(march), compilers.version(march)
    native = compilers.tree() / "native"
    sources = [native / "bare" / "vectors.c", *sorted(native.glob("*.c"))]
    options = ["-std=gnu99", *compilers.SPEED, *core.options, "--specs=rdimon.specs", "-Wl,--section-start=.vectors=0"]
    command = [core.compiler, *options, f"-I{native}", *sources]
    key = cache.digest(version, *options, *sources, *sorted(native.glob("*.h")))
    return cache.kept(f"bare/{march}-{key}", lambda path: compilers.run([*command, "-o", path], f"vectors for {march}"))
