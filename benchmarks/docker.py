"""What a step costs more in a container than on this machine.

Run it in the project's environment, with an engine and the project's image there:
``.venv/bin/python benchmarks/docker.py --image throughline``. Each round runs prep of the smallest
recipe by ``mlflow run`` once in each place, one after the other: both meet the same machine.

Figures go to ``benchmarks/results/docker.json``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/docker.json"
RECIPE = ("-e", "prep", "-P", "recipe=recipes/wine.yaml")


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="throughline", help="the project's image")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the comparison")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = compare(options.image, options.rounds, Path(folder))
    size = ["docker", "image", "inspect", "-f", "{{.Size}}", options.image]
    said = subprocess.run(size, check=True, capture_output=True, text=True).stdout
    figures["image_bytes"] = int(said)
    text = json.dumps(figures, indent=1)
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def compare(image: str, rounds: int, folder: Path) -> dict[str, object]:
    """Seconds of prep on this machine and in a container, the medians and their difference."""
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    variant = folder / "variant"
    render = [sys.executable, "-m", "throughline.packaging", "docker", str(variant)]
    render += ["--image", image, "--data_root", str(folder / "data")]
    subprocess.run(render, env=environment, check=True, cwd=PROJECT, stdout=subprocess.DEVNULL)
    here = ["mlflow", "run", str(PROJECT), "--env-manager", "local", *RECIPE]
    here += ["-P", f"data_root={folder}/data"]
    there = ["mlflow", "run", str(variant), "-A", f"user={os.getuid()}:0", *RECIPE]
    seconds: dict[str, list[float]] = {"local": [], "docker": []}
    for _ in range(rounds):
        for place, command in (("local", here), ("docker", there)):
            started = time.monotonic()
            subprocess.run(command, env=environment, check=True, cwd=PROJECT, capture_output=True)
            seconds[place].append(round(time.monotonic() - started, 2))
    medians = {place: statistics.median(values) for place, values in seconds.items()}
    overhead = round(medians["docker"] - medians["local"], 2)
    return {"seconds": seconds, "medians": medians, "overhead_seconds": overhead}


if __name__ == "__main__":
    main()
