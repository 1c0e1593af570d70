"""Finding a feature plan: its file, or the folder of a prepared table or a model."""

from typing import Any

from throughline.errors import UserError
from throughline.features.plan import Plan

PLAN = "plan.json"


def plan_at(path: str) -> Plan:
    """Reads the plan at ``path``.

    Args:
        path: The plan's file, or a folder with one plan.json in it at any depth; a local path or
            a URI.

    Raises:
        UserError: If there is no plan, or more than one.
    """
    from fsspec.core import url_to_fs

    try:
        files, place = url_to_fs(path)
        found = _plans(files, place)
    except (ImportError, OSError, ValueError) as error:
        raise UserError(f"Cannot look for a plan at {path}: {error}.") from None
    if not found:
        raise UserError(f"There is no feature plan at {path}; give a {PLAN} or a folder with one.")
    if len(found) > 1:
        raise UserError(f"There are several plans in {path}; give one of them, such as {found[0]}.")
    return _read(files, found[0])


def _plans(files: Any, place: str) -> list[str]:
    if not files.isdir(place):
        return [place] if files.exists(place) else []
    top = f"{place.rstrip('/')}/{PLAN}"
    if files.exists(top):
        return [top]
    return [name for name in files.find(place) if name.rsplit("/", 1)[-1] == PLAN]


def _read(files: Any, place: str) -> Plan:
    try:
        return Plan.from_json(files.cat_file(place).decode())
    except KeyError as error:
        raise UserError(f"The plan {place} has the op {error}, which is not known here.") from None
    except (TypeError, ValueError):
        raise UserError(f"{place} is not a feature plan; give a {PLAN} that prep wrote.") from None
