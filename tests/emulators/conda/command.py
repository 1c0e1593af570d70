"""The command line; ``bin/conda`` calls ``run`` with its installation's folder."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import rattler
from rattler.exceptions import GatewayError, SolverError

from tests.emulators.conda import environments


def parser() -> argparse.ArgumentParser:
    """All that is known; argparse refuses the rest with code 2."""
    top = argparse.ArgumentParser(prog="conda", allow_abbrev=False)
    version = f"conda 25.0.0 (look-alike over py-rattler {rattler.__version__})"
    top.add_argument("--version", action="version", version=version)
    verbs = top.add_subparsers(dest="verb", required=True)

    env = verbs.add_parser("env", allow_abbrev=False).add_subparsers(dest="env_verb", required=True)
    listing = env.add_parser("list", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", required=True)
    listing.set_defaults(run=list_environments)
    creation = env.add_parser("create", allow_abbrev=False)
    creation.add_argument("-n", "--name", required=True)
    creation.add_argument("-f", "--file", type=Path, required=True)
    creation.set_defaults(run=create)

    removal = verbs.add_parser("remove", allow_abbrev=False)
    removal.add_argument("-n", "--name", required=True)
    removal.add_argument("-y", "--yes", action="store_true", required=True)
    removal.add_argument("--all", action="store_true", required=True)
    removal.set_defaults(run=lambda root, given: environments.remove(root, given.name))

    shell = verbs.add_parser("shell.posix", allow_abbrev=False)
    shell.add_argument("action", choices=["activate"])
    shell.add_argument("name")
    shell.set_defaults(run=activate)

    plan = verbs.add_parser("create", allow_abbrev=False)
    plan.add_argument("-p", "--prefix", required=True)
    plan.add_argument("--dry-run", action="store_true", required=True)
    plan.add_argument("--json", action="store_true", required=True)
    plan.add_argument("--override-channels", action="store_true", required=True)
    plan.add_argument("-c", "--channel", action="append", required=True)
    plan.add_argument("specs", nargs="+")
    plan.set_defaults(run=show_plan)
    return top


def list_environments(root: Path, _given: argparse.Namespace) -> None:
    """Prints the prefixes, the installation's own first, as conda does."""
    print(json.dumps({"envs": [str(root), *map(str, environments.prefixes(root))]}))


def create(root: Path, given: argparse.Namespace) -> None:
    """Makes an environment from a file: solves, installs, then pip in it, activated."""
    environments.create(root, given.name, given.file.absolute())


def activate(root: Path, given: argparse.Namespace) -> None:
    """Prints the lines that ``conda.sh`` evaluates in the caller's shell."""
    print(environments.activation(environments.existing(root, given.name)))


def show_plan(root: Path, given: argparse.Namespace) -> None:
    """Solves for the platform CONDA_SUBDIR and prints the packages, as conda-lock reads them.

    conda-lock brings virtual packages (``__glibc``, ...) in a channel of its own, so that none are
    detected here.
    """
    platform = os.environ["CONDA_SUBDIR"]
    found = asyncio.run(environments.solve(root, given.channel, given.specs, platform, []))
    real = [one for one in found if not one.name.normalized.startswith("__")]
    actions = [environments.record(one) for one in real]
    print(json.dumps({"success": True, "actions": {"FETCH": actions, "LINK": actions}}))


def main(root: Path, arguments: Sequence[str]) -> int:
    """Runs one call and returns its exit code."""
    given = parser().parse_args(arguments)
    try:
        given.run(root, given)
    except (environments.CondaError, SolverError, GatewayError) as error:
        print(f"\n{type(error).__name__}: {error}\n", file=sys.stderr)
        return 1
    return 0


def run(root: Path, arguments: Sequence[str]) -> NoReturn:
    """Ends the process at once: threads of py-rattler 0.28 may outlive the interpreter, which then
    aborts.
    """
    code = main(root, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
