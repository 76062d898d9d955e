"""Builds the kernels: every module of minigrad/_kernels/ from one source at several levels of the processor.

Everything else about the package stands in pyproject.toml. A module of `BASELINE` is built once, for any processor;
the others are built once for each level of `LEVELS` the compiler knows, as `<name>_<level>`, and
`minigrad._kernels` chooses among them at import. Without OpenMP the kernels are built single-threaded.
"""

import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("minigrad/_kernels")
BASELINE = ("memory", "system")
LEVELS = {
    "v2": ["-march=x86-64-v2"],
    "v3": ["-march=x86-64-v3"],
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
}
# -fno-trapping-math and -fno-math-errno change no result: they only say that nobody reads the exception flags or errno.
NUMPY_API = "NPY_2_0_API_VERSION"
OPTIMIZE = ["-O3", "-g0", "-fvisibility=hidden", "-fno-trapping-math", "-fno-math-errno", "-Wno-unused-function"]


def level_flags() -> dict:
    """The compiler's flags of every level this architecture has."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        return LEVELS
    return {"generic": []}


def kernel_sources() -> list:
    return sorted(path for path in KERNELS.glob("*.pyx") if path.stem not in BASELINE)


def extensions() -> list:
    import numpy
    from Cython.Build import cythonize

    headers = [str(path) for pattern in ("*.h", "*.pxi", "*.pxd") for path in KERNELS.glob(pattern)]

    def extension(name, source):
        return Extension(
            f"minigrad._kernels.{name}",
            [str(source)],
            include_dirs=[numpy.get_include(), str(KERNELS)],
            define_macros=[("NPY_NO_DEPRECATED_API", NUMPY_API), ("NPY_TARGET_VERSION", NUMPY_API)],
            depends=headers,
        )

    builds = {"baseline": ([], [extension(name, KERNELS / f"{name}.pyx") for name in BASELINE])}
    for level, flags in level_flags().items():
        builds[level] = flags, [extension(f"{path.stem}_{level}", path) for path in kernel_sources()]
    modules = []
    for build, (flags, members) in builds.items():  # a folder for each, since they share their sources
        for module in cythonize(members, build_dir=f"build/cython/{build}", compiler_directives=DIRECTIVES, quiet=True):
            module.extra_compile_args = [*OPTIMIZE, *flags]
            modules.append(module)
    return modules


class BuildKernels(build_ext):
    """Builds what the compiler can: asks it first for a program, for Python's headers, for OpenMP and for each level."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        if not self.compiles("int main(void) { return 0; }"):
            sys.exit("minigrad needs a C compiler to build its kernels: sudo apt install gcc")
        if not self.compiles(
            "#include <Python.h>\nint main(void) { return 0; }", [f"-I{sysconfig.get_path('include')}"]
        ):
            sys.exit("minigrad needs Python's headers to build its kernels: sudo apt install python3-dev")
        openmp = "#include <omp.h>\nint main(void) { return omp_get_max_threads() == 0; }"
        if self.compiles(openmp, ["-fopenmp"], ["-fopenmp"]):
            for module in self.extensions:
                module.extra_compile_args.append("-fopenmp")
                module.extra_link_args.append("-fopenmp")
        else:
            print("minigrad: this compiler has no OpenMP, so the kernels are built for one thread", file=sys.stderr)
        for level, flags in level_flags().items():
            if not self.compiles("int main(void) { return 0; }", flags):
                print(
                    f"minigrad: this compiler does not know {' '.join(flags)}: level {level} is left out",
                    file=sys.stderr,
                )
                self.extensions = [module for module in self.extensions if not module.name.endswith(f"_{level}")]
        if sys.platform.startswith("linux"):
            for module in self.extensions:
                module.extra_link_args.append("-Wl,-s")
        super().build_extensions()

    def compiles(self, program, flags=(), link_flags=()):
        """Whether the compiler makes an executable of `program`."""
        folder = tempfile.mkdtemp()
        quiet = os.dup(2)
        try:
            with open(os.path.join(folder, "log"), "w") as log:
                os.dup2(log.fileno(), 2)
                source = Path(folder, "probe.c")
                source.write_text(program + "\n")
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_preargs=list(flags))
                self.compiler.link_executable(objects, os.path.join(folder, "probe"), extra_preargs=list(link_flags))
            return True
        except Exception:
            return False
        finally:
            os.dup2(quiet, 2)
            os.close(quiet)
            shutil.rmtree(folder, ignore_errors=True)


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildKernels})
