"""The horovodrun command, changed in four ways: ``python -m ...horovodrun_command -np 2 ...``.

- horovodrun writes its whole environment into the command line of each worker, where every user of
  the machine can read it with ``ps``, passwords and tokens too. Workers on the same machine inherit
  the environment anyway, so here nothing is written.
- horovodrun imports every deep learning framework to find out whether Horovod has Gloo, for
  seconds. A worker says so itself if it has not.
- In its elastic mode it gives up a host as soon as one worker there is lost. So each worker has a
  host of its own, by name; every name means this machine.
- It ends when whoever started it ends.
"""

from throughline.distributed.ending_with_parent import end_with_parent


def main() -> None:
    """Runs horovodrun with this command's arguments."""
    from horovod.runner import launch
    from horovod.runner.common.util import env
    from horovod.runner.util import network

    env.IGNORE_REGEXES.add(".*")
    network.resolve_host_address = lambda host_name: "127.0.0.1"
    launch.gloo_built = lambda verbose=False: True
    end_with_parent()
    launch.run_commandline()


if __name__ == "__main__":
    main()
