"""Which version is served, as far as a target tells."""

import pytest

from throughline.deployment.target import ModelVersion

WANTED = ModelVersion("late", "2", "run", "source")


@pytest.mark.parametrize(
    ("served", "same"),
    [
        (("late", "2", "run", "source"), True),
        (("late", "2", "", ""), True),
        (("late", "2", "run", ""), True),
        (("late", "1", "", ""), False),
        (("other", "2", "", ""), False),
        (("late", "2", "another", "source"), False),
        (("late", "2", "run", "elsewhere"), False),
    ],
)
def test_what_a_target_does_not_tell_is_no_difference(served, same):
    assert ModelVersion(*served).may_be(WANTED) is same
