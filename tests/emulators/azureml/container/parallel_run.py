"""The driver of a ParallelRunStep: imports the entry script, calls ``init``, then ``run``.

It does what Azure ML's own does on one machine, with the arguments that the SDK gives it; an
argument that it does not know ends it. The environment names the folders of the inputs. A mini
batch that fails is tried again; one that still fails counts all its files, and more than
``error_threshold`` end the job.
Source: "Troubleshooting the ParallelRunStep" in https://github.com/MicrosoftDocs/azure-docs; how a
returned element is written is told nowhere.
"""

import argparse
import contextlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from typing import Any

_KNOWN = {
    "client_sdk_version": str,
    "scoring_module_name": str,
    "mini_batch_size": int,
    "error_threshold": int,
    "output_action": str,
    "logging_level": str,
    "run_invocation_timeout": int,
    "run_max_try": int,
    "create_snapshot_at_runtime": str,
    "append_row_file_name": str,
    "output": Path,
    "input_fds_0": str,
    "input_pipeline_param_0": str,
}
_PROCESS = "10.0.0.4/process000"


def main() -> None:
    logs = Path(sys.argv[1])
    parser = argparse.ArgumentParser()
    for name, kind in _KNOWN.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    said = parser.parse_args(sys.argv[2:])
    assert said.output_action == "append_row"
    with contextlib.ExitStack() as stack:
        for name in ("stdout", "stderr"):
            path = logs / "user" / name / f"{_PROCESS}.{name}.txt"
            path.parent.mkdir(parents=True)
            file = stack.enter_context(path.open("w"))
            stack.enter_context(getattr(contextlib, f"redirect_{name}")(file))
        told = _run(said, logs)
    (logs / "job_progress_overview.txt").write_text(told)


def _run(said: argparse.Namespace, logs: Path) -> str:
    folder = Path(os.environ[f"AZUREML_DATAREFERENCE_{said.input_fds_0}"])
    files = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    size, failed = said.mini_batch_size, 0
    batches = [files[at : at + size] for at in range(0, len(files), size)]
    script = _begun(said.scoring_module_name, logs)
    said.output.mkdir(parents=True, exist_ok=True)
    with (said.output / said.append_row_file_name).open("w") as output:
        for batch in batches:
            rows = _rows(script, batch, said.run_max_try, logs)
            output.writelines(f"{row}\n" for row in rows)
            failed += max(0, len(batch) - len(rows))
    told = f"{len(files)} files in {len(batches)} mini batches, {failed} failed.\n"
    if failed > said.error_threshold:
        (logs / "job_progress_overview.txt").write_text(told)
        sys.exit(1)
    return told


def _begun(name: str, logs: Path) -> Any:
    try:
        spec = importlib.util.spec_from_file_location("entry_module", Path(name).absolute())
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.init()
    except Exception:
        _keep(logs)
        sys.exit(1)
    return script


def _rows(script: Any, batch: list[str], tries: int, logs: Path) -> list[Any]:
    for _ in range(tries):
        try:
            return list(script.run(batch))
        except Exception:
            _keep(logs)
    return []


def _keep(logs: Path) -> None:
    with (logs / "user" / "error.txt").open("a") as file:
        traceback.print_exc(file=file)


if __name__ == "__main__":
    main()
