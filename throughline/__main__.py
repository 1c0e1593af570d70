"""The project's two commands: ``python3 -m throughline run`` and ``python3 -m throughline test``.

Standard library only. Both make the environment first where it is missing, then start what they
name in it: ``mlflow run .``, or the checks and tests.
"""

import os
import shutil
import sys

PYTHON = (3, 11)

HELP = """\
usage: python3 -m throughline run [options of mlflow run]
       python3 -m throughline test [arguments of pytest]

run   builds the environment in .venv if it is not there yet, then calls `mlflow run .`:
      the whole chain, or with -e one step. For example
        python3 -m throughline run
        python3 -m throughline run -P recipe=recipes/flights.yaml
        python3 -m throughline run -e train -P prep_run=<run id>
      Runs are tracked in mlflow.db in this folder, unless MLFLOW_TRACKING_URI says otherwise.
test  builds the environment likewise, then lints, checks types and layers, and runs the tests in
      two processes; with arguments it runs only pytest with them.

Needs Python 3.11, a C++ compiler and make. Exit code: 0 if all went well, 2 after a mistake that
you can mend (the last line says which), 130 after Ctrl-C, else 1.
"""


def main() -> int:
    """Runs the command line and returns its exit code."""
    if sys.version_info[:2] != PYTHON:
        return _restart()
    from throughline.command_line import bootstrap, commands  # they may use the grammar of 3.11

    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0 if arguments else 2
    command = {"run": commands.run, "test": commands.test}.get(arguments[0])
    if command is None:
        return _refuse(f"there is no command {arguments[0]!r}: it is run or test.")
    try:
        return command(arguments[1:])
    except bootstrap.BootstrapError as error:
        return _refuse(str(error), error.code)
    except KeyboardInterrupt:
        return 130


def _restart() -> int:
    """Starts this command line again with Python 3.11, where there is one."""
    python = shutil.which("python3.11")
    if python is None or os.environ.get("THROUGHLINE_RESTARTED"):
        return _refuse(
            "Python 3.11 is needed and this is %d.%d: install python3.11 so that it is on PATH."
            % sys.version_info[:2]
        )
    os.environ["THROUGHLINE_RESTARTED"] = "1"  # a python3.11 that is not one would loop
    os.execv(python, [python, "-m", "throughline"] + sys.argv[1:])  # noqa: S606


def _refuse(sentence: str, code: int = 2) -> int:
    print("throughline: error: " + sentence, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
