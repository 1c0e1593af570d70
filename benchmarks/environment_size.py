"""The size of the environment that a served model's requirements make."""

import subprocess
import sys
import tempfile
from pathlib import Path

import uv

MIB = 1024 * 1024


def mebibytes_of(model: Path) -> int:
    """Installs a model's requirements into a new environment, and sums the sizes of its files."""
    with tempfile.TemporaryDirectory(prefix="throughline-environment-") as folder:
        run = [uv.find_uv_bin()]
        subprocess.run([*run, "venv", "-q", "--python", sys.executable, folder], check=True)
        install = ["pip", "install", "-q", "--python", f"{folder}/bin/python", "--link-mode=copy"]
        subprocess.run([*run, *install, "-r", str(model / "requirements.txt")], check=True)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return round(sum(p.stat().st_size for p in files if not p.is_symlink()) / MIB)
