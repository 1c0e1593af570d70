"""A response that is sent as it is."""

import json
from collections.abc import Mapping
from typing import Any


class AMLResponse:
    """A status, headers and a body, as text or as what becomes JSON."""

    def __init__(
        self,
        message: Any,
        status_code: int,
        response_headers: Mapping[str, str] = {},  # noqa: B006 (as there)
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        as_json = json_str or message is None
        self.status_code = status_code
        self.headers = {"Content-Type": "application/json" if as_json else "text/html"}
        self.headers |= dict(response_headers)
        self.headers["x-ms-run-function-failed"] = str(run_function_failed)
        self.body = json.dumps(message if message is not None else {}) if as_json else message
