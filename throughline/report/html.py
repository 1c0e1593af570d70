"""What all pages share: templates whose values are escaped, and pictures inside the page."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment() -> "Environment":
    """The templates of all pages; values are escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def embedded(path: Path) -> str:
    """A PNG as a URL that holds it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
