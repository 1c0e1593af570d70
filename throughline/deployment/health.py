"""The health check of a container: ``python -m throughline.deployment.health``.

It ends with 1 if a server of this container does not answer, and with 0 else: a container that runs
steps has no server to ask.
"""

import http.client
import sys

import psutil

SERVER = "throughline.deployment.serve"
SECONDS = 5.0


def main() -> int:
    """Asks the server, if there is one; returns the exit code."""
    ports = [port for process in psutil.process_iter(["cmdline"]) for port in _ports(process)]
    return int(not all(_answers(port) for port in ports))


def _ports(process: psutil.Process) -> list[int]:
    command = process.info["cmdline"] or []
    if SERVER not in command:
        return []
    return [int(command[command.index("--port") + 1])] if "--port" in command else [5055]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
