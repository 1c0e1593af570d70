"""A registry of images, with a password: Debian's docker-registry."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import yaml

from tests.steps.conftest import free_port


@dataclass
class Registry:
    """A registry on this machine; an engine takes it without TLS since it is on 127.0.0.1."""

    folder: Path
    port: int = field(default_factory=free_port)
    user: str = "throughline"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator["Registry"]:
        """Serves during the block."""
        secret = bcrypt.hashpw(self.password.encode(), bcrypt.gensalt(4)).decode()
        (self.folder / "htpasswd").write_text(f"{self.user}:{secret}\n")
        config = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "images")}},
            "http": {"addr": self.address},
            "auth": {"htpasswd": {"realm": "registry", "path": str(self.folder / "htpasswd")}},
        }
        (self.folder / "config.yml").write_text(yaml.safe_dump(config))
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(self.folder / "config.yml")],
                stdout=log,
                stderr=log,
            )
        try:
            yield self
        finally:
            process.terminate()
            process.wait(30)
