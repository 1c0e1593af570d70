"""What a container of a step sees of this machine."""

from pathlib import Path

import pytest

from throughline.chain.docker import check_mounts
from throughline.errors import UserError
from throughline.packaging.docker import Mount


def test_a_path_with_a_blank_is_refused() -> None:
    check_mounts([Mount.same(Path("/plain"))])
    with pytest.raises(UserError, match="The folder /with a blank has a blank in its path"):
        check_mounts([Mount.same(Path("/plain")), Mount.same(Path("/with a blank"))])
