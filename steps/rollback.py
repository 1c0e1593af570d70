"""Makes the champion before the present one the champion again, and serves it."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.deployment.targets import TARGETS, open_target
from throughline.errors import UserError
from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, moves the role, deploys."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model", default="flights-late", help="the registered model's name")
    parser.add_argument("--target", default="local", help=f"where it is served: {TARGETS}, or none")
    parser.add_argument("--target_options", default="none", help="as those of deploy")
    parser.add_argument("--host", default="none", help="the local endpoint's address (none: kept)")
    parser.add_argument("--port", type=int, default=5055, help="the port of the local endpoint")
    parser.add_argument("--data_root", default="data", help="a folder for the state and the logs")
    options = parser.parse_args(arguments)
    target = None
    if options.target != "none":
        more = options.target_options
        port, host = options.port, options.host
        target = open_target(options.target, options.data_root, port, host, more)

    import mlflow

    from throughline.deployment.record import log_deployment
    from throughline.deployment.versions import resolve
    from throughline.registry.champions import end_rollback, resume_rollback, roll_back
    from throughline.registry.roles import CHAMPION
    from throughline.tracking import FIGURE, step_run

    name = options.model
    with step_run("rollback"):
        served = target.status(name) if target else None
        if version := resume_rollback(name, served.model.version if served else ""):
            told = f"version {version} is the champion again since an earlier rollback"
        else:
            done = roll_back(name)
            version = done.champion
            told = f"version {version} is the champion again, {done.given_up} no longer"
        print(f"{told}.")
        if target:
            try:
                print(log_deployment(target, target.deploy(resolve(name, CHAMPION))))
            except UserError as error:
                raise UserError(
                    f"{told}, but it is not served ({str(error).rstrip('.')}); mend that and run "
                    "the same command again, or choose another version with register "
                    "-P to=production -P version=..."
                ) from None
        mlflow.set_tags({"model": name, "version": version, FIGURE: told})
    end_rollback(name, version)  # after all that may be cut short, and then is repeated


if __name__ == "__main__":
    run_step(main)
