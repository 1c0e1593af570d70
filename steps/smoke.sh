#!/usr/bin/env bash
# Asks an endpoint with curl: is it alive, what does it serve, what does it answer to an example.
set -euo pipefail
url="${1:-http://127.0.0.1:5055}"
token="${THROUGHLINE_ENDPOINT_TOKEN:-}"
ask() { # the token, if there is one, goes by a pipe: others can read a command line
    printf '%s\n' "${token:+header = \"Authorization: Bearer $token\"}" |
        curl --config - --noproxy '*' --silent --show-error --fail-with-body --max-time 60 "$@"
}

refuse() {
    echo "error: $1" >&2
    if [ -n "${THROUGHLINE_ERROR_FILE:-}" ]; then echo "$1" >"$THROUGHLINE_ERROR_FILE"; fi
    exit 2
}

command -v curl >/dev/null || refuse "smoke needs the program curl; install it."
ask "$url/health" >/dev/null ||
    refuse "no endpoint answers at $url; run the step deploy first, or give -P url=..."
echo "serves: $(ask "$url/model")"
request=$(ask "$url/example")
answer=$(ask "$url/invocations" -H 'Content-Type: application/json' -d "$request")
echo "request: $request"
echo "answer: $answer"
