"""The local target: a server on this machine that outlives the step that started it."""

import logging
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from throughline.deployment.client import EndpointClient
from throughline.deployment.launch import Launch, last_lines
from throughline.deployment.limits import Limits
from throughline.deployment.port import Port
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.state import EndpointState, StateFolder
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.token import HEADER, LOOPBACK, check_host, fingerprint
from throughline.deployment.versions import fetch
from throughline.errors import UserError

logger = logging.getLogger(__name__)


class LocalTarget:
    """Serves each model on this machine, one endpoint per model name.

    Args:
        folder: Where the state files, logs and models are; it is made when it is needed.
        port: The port to serve on.
        host: The address to serve on; None for the one that the endpoint has, 127.0.0.1 at first.
    """

    def __init__(self, folder: Path, port: int, host: str | None = None) -> None:
        self.states = StateFolder(folder)
        self.host = host
        self.port = port

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the port serve this version; see ``DeploymentTarget.deploy``.

        The new server loads its model while the old one still answers, and then takes requests from
        the same socket. Only then is the old one ended, once it has answered what it has been
        asked: no request is refused or cut. It is put back if the new one fails on the port or
        answers wrongly. To another address of the same port there is a short gap.
        """
        with self.states.locked():
            known = self._settled(model.name)
            host = self._host(known)
            old = known.running() if known else None
            if old and self._serves(old, model, host) and _healthy(old):
                logger.info("%s already serves %s; left alone", old.url, model.uri)
                return _deployment(old, healthy=True, change="unchanged")
            self._check_others(model.name)
            with closing(Port(host, self.port, old)) as port:
                return self._replace(old, model, host, port)

    def check_port(self, name: str) -> None:
        """Checks that an endpoint of this model could have the port.

        Raises:
            UserError: Another model's has it, or another program; its address needs a token, or
                a limit is no number.
        """
        self._check_others(name)
        Limits.from_environment()
        known = self.states.read(name)
        Port(self._host(known), self.port, known.running() if known else None).close()

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if no server of ours runs."""
        state = self._running(name)
        return _deployment(state, _healthy(state)) if state else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: No endpoint runs, or it refuses the request.
        """
        state = self._running(name)
        if state is None:
            raise UserError(f"no endpoint of {name} runs here; deploy it first")
        return EndpointClient(state.url).predict(request)

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the endpoint's log, also after it died.

        Raises:
            UserError: There is no endpoint of this name.
        """
        state = self.states.read(name)
        if state is None:
            raise UserError(f"there is no endpoint of {name} in {self.states.folder}")
        return last_lines(state.log, lines)

    def delete(self, name: str) -> Deployment | None:
        """Ends the endpoint; returns what ran, or None if nothing did."""
        with self.states.locked():
            known = self._settled(name)
            state = known.running() if known else None
            if state:
                state.process.end()
            self.states.remove(name)
            return _deployment(state, healthy=False) if state else None

    def _replace(
        self, old: EndpointState | None, model: ModelVersion, host: str, port: Port
    ) -> Deployment:
        path = fetch(model, self.states.files(model))
        launch = Launch(model, path, host, self.port, self.states.log(model))
        try:
            launch.wait_loaded()
            check = smoke_check(path, model.uri)
        except BaseException:
            launch.abort()
            raise
        before = replace(old, before=None) if old else None
        ending: EndpointState | None = None
        try:
            # Remembered before it takes the port, so that it is never on the port unknown; and with
            # the old one, so that neither is if this process is killed.
            self.states.write(replace(launch.state, before=before))
            seconds = launch.listen(port.take())
            if before:
                self.states.write(replace(launch.state, before=replace(before, ending=True)))
                ending = before
                ending.drain()
            _compare(launch.state, check)
            self.states.write(launch.state)
        except BaseException as error:
            if ending and ending.process.find():  # interrupted: it takes no more requests
                logger.error("%s serves, but was not checked; deploy it again", model.uri)
                raise
            launch.abort()
            note = self._put_back(old, model.name, port)
            if isinstance(error, UserError):
                raise UserError(f"{error}; {note}") from error
            logger.error("%s", note)
            raise
        logger.info("%s serves %s", launch.state.url, model.uri)
        change = "replaced" if old else "started"
        return _deployment(launch.state, True, change, seconds)

    def _put_back(self, old: EndpointState | None, name: str, port: Port) -> str:
        if old is None:
            self.states.remove(name)
            return "nothing was deployed before"
        if old.process.find() and not port.old_ended:
            self.states.write(old)
            return f"version {old.model.version} still serves"
        try:
            old.process.end()  # it may be about to
            self._start_again(old, port)
        except UserError as error:
            self.states.remove(old.model.name)
            return f"nor did version {old.model.version} come back: {error}"
        return f"version {old.model.version} serves again"

    def _start_again(self, old: EndpointState, port: Port) -> None:
        check_host(old.host)  # the token that it had may have been another shell's
        launch = Launch(old.model, old.path, old.host, old.port, Path(old.log))
        try:
            launch.wait_loaded()
            self.states.write(launch.state)
            launch.listen(port.of_old(old))
        except UserError:
            launch.abort()
            raise

    def _running(self, name: str) -> EndpointState | None:
        state = self.states.read(name)
        return state.running() if state else None

    def _settled(self, name: str) -> EndpointState | None:
        """What is remembered of an endpoint; a deployment that was killed halfway is undone first.

        It may have left two servers on the port. The old one stays, as after any other failure; if
        it was told to end already, the new one does, which does not count as deployed yet.
        """
        state = self.states.read(name)
        if state and state.before and state.before.ending:
            state.before.drain()
        elif state and state.before and state.before.process.find():
            state.process.end()
            state = state.before
            self.states.write(state)
        return state

    def _host(self, known: EndpointState | None) -> str:
        """The address to serve on: the one that is given, else the one that it had."""
        host = self.host or (known.host if known else LOOPBACK[0])
        check_host(host)
        return host

    def _serves(self, state: EndpointState, model: ModelVersion, host: str) -> bool:
        settings = (state.token, state.limits)
        if settings != (fingerprint(), Limits.from_environment()):
            return False
        wanted = (model, host, self.port, None)
        return (state.model, state.host, state.port, state.before) == wanted

    def _check_others(self, name: str) -> None:
        for state in self.states.all():
            other = state.running() if state.model.name != name else None
            if other and other.port == self.port:
                raise UserError(
                    f"port {self.port} already serves {other.model.uri}; give -P port=... "
                    f"or end that one with -P action=stop -P model={other.model.name}"
                )


def _compare(state: EndpointState, check: SmokeCheck | None) -> None:
    if check is None:
        logger.warning("%s has no input example; its answers are not checked", state.model.uri)
    elif not check.agrees(answer := EndpointClient(state.url).predict(check.request)):
        raise UserError(
            f"{state.url} answered {str(answer)[:200]} to the input example of {state.model.uri} "
            f"where the model in process gives {str(check.predictions)[:200]}; it was stopped"
        )


def _healthy(state: EndpointState) -> bool:
    return EndpointClient(state.url).pid() == state.process.pid


def _deployment(
    state: EndpointState, healthy: bool, change: Any = "found", seconds: float | None = None
) -> Deployment:
    pid = state.process.pid
    header = HEADER if state.token else ""
    files = state.path if Path(state.path).is_dir() else ""
    return Deployment(
        state.model,
        state.url,
        pid,
        state.log,
        healthy,
        change,
        seconds,
        header,
        files=files,
        token=state.token,
        limits=str(state.limits),
    )
