"""The server of a container: imports the entry script, calls ``init``, and ``run`` for requests.

It does what azureml-inference-server-http does, in the standard library: the environment names the
script and the model's folder; a script that cannot be imported or begun ends it with exit code 3.
"""

import importlib.util
import json
import os
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def main() -> None:
    root = Path(os.environ["AML_APP_ROOT"])
    sys.path.append(str(root))
    sys.path.append(str(root / os.environ.get("AZUREML_SOURCE_DIRECTORY", ".")))
    try:
        script = _imported(root / os.environ["AZUREML_ENTRY_SCRIPT"])
        print("Invoking user's init function", flush=True)
        script.init()
    except BaseException:
        traceback.print_exc()
        sys.exit(3)
    print("Users's init has completed successfully", flush=True)
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _handler(script)) as server:
        server.serve_forever()


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("entry_module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _handler(script: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802
            self._send(200, {"Content-Type": "text/html"}, "Healthy")

        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                answer = script.run(str(body, "utf-8"))
            except Exception as error:
                traceback.print_exc()
                told = json.dumps(
                    {"message": f"An unexpected error occurred in scoring script. {error}"}
                )
                self._send(500, {"Content-Type": "application/json"}, told)
                return
            if hasattr(answer, "status_code"):
                self._send(answer.status_code, answer.headers, answer.body)
            else:
                self._send(200, {"Content-Type": "application/json"}, json.dumps(answer))

        def _send(self, status: int, headers: dict[str, str], text: str) -> None:
            content = text.encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            print(f"{self.command} {self.path} {status}", flush=True)

        def log_message(self, *_: Any) -> None:
            """Says nothing: what is printed above does."""

    return Handler


if __name__ == "__main__":
    main()
