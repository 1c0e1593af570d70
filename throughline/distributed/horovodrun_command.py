"""The horovodrun command, changed in five ways: ``python -m ...horovodrun_command -np 2 ...``.

- horovodrun writes its whole environment into the command line of each worker, where every user of
  the machine can read it with ``ps``, passwords and tokens too. Workers on the same machine inherit
  the environment anyway, so here nothing is written.
- horovodrun imports every deep learning framework to find out whether Horovod has Gloo, for
  seconds. A worker says so itself if it has not.
- In its elastic mode it gives up a host as soon as one worker there is lost. So each worker has a
  host of its own, by name; every name means this machine.
- Its server listens to all of the network, and in elastic mode unpickles what anybody sends. Here
  it listens to this machine alone, and unpickles nothing.
- It ends when whoever started it ends.
"""

from collections.abc import Callable
from typing import Any

from throughline.distributed.ending_with_parent import end_with_parent


def main() -> None:
    """Runs horovodrun with this command's arguments."""
    from horovod.runner import gloo_run, launch
    from horovod.runner.common.util import env
    from horovod.runner.http import http_server
    from horovod.runner.util import network

    env.IGNORE_REGEXES.add(".*")
    network.resolve_host_address = lambda host_name: "127.0.0.1"
    http_server.find_port = _find_port_of_this_machine
    gloo_run.create_rendezvous_handler = _handler_that_unpickles_nothing
    launch.gloo_built = lambda verbose=False: True
    end_with_parent()
    launch.run_commandline()


def _find_port_of_this_machine(make_server: Callable[[tuple[str, int]], Any]) -> Any:
    from horovod.runner.util.network import find_port

    return find_port(lambda address: make_server(("127.0.0.1", address[1])))


def _handler_that_unpickles_nothing(driver: Any) -> Any:
    from horovod.runner.elastic.rendezvous import create_rendezvous_handler
    from horovod.runner.http.http_server import KVStoreHandler

    handler = create_rendezvous_handler(driver)
    handler._put_value = KVStoreHandler._put_value
    return handler


if __name__ == "__main__":
    main()
