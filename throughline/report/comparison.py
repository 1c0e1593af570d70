"""A column across the parts of a table: what is missing, how far it drifts, how it is spread."""

from collections.abc import Mapping
from dataclasses import dataclass

from throughline.report.drift import drift
from throughline.report.histogram import Histogram, histogram
from throughline.report.profile import Profile
from throughline.splitting.splitting import PARTS


@dataclass(frozen=True)
class Comparison:
    """One column, in every part.

    Attributes:
        name: The column.
        type: Its type, as a plan reads it; "" where it cannot.
        missing: The share of each part's rows that miss it.
        drift: The PSI against the training rows of the other parts; None where it is not known.
        histogram: How training and test rows are spread; None where the column cannot be read.
    """

    name: str
    type: str
    missing: Mapping[str, float]
    drift: Mapping[str, float | None]
    histogram: Histogram | None

    @property
    def test_drift(self) -> float:
        """The PSI of the test rows, or 0."""
        return self.drift["test"] or 0.0


def compare(profile: Profile) -> list[Comparison]:
    """Compares the parts of a table, column by column, in the table's order."""
    return [_compare(profile, name) for name in profile.types]


def _compare(profile: Profile, name: str) -> Comparison:
    counts = profile.missing[name]
    missing = {part: counts[part] / max(profile.rows[part], 1) for part in PARTS}
    others = PARTS[1:]
    if not profile.types[name]:
        return Comparison(name, "", missing, dict.fromkeys(others), None)
    columns = {part: profile.sample[part][name] for part in PARTS}
    found = {part: drift(columns["train"], columns[part]) for part in others}
    spread = histogram(columns["train"], columns["test"])
    return Comparison(name, profile.types[name], missing, found, spread)
