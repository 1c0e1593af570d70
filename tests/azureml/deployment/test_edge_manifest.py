"""The deployment manifest of a device: what is none is told by its key."""

import pytest

from tests.deployment.saved_model import MODEL
from throughline.azureml.edge_manifest import AGENT, HUB, content, module, with_module
from throughline.errors import UserError

IMAGE = "registry.example.com/throughline-late-test:1"


def test_a_manifest_of_a_device_that_is_none_is_not_applied():
    wrong = {AGENT: {"schemaVersion": "1.1", "modules": {}}, HUB: {}}
    with pytest.raises(UserError, match="manifest is not one of IoT Edge, at runtime: Field req"):
        content(with_module(wrong, MODEL, module(IMAGE, "models:/x/1", None)))
    fine = with_module({}, MODEL, module(IMAGE, "models:/x/1", None))
    fine[AGENT]["modules"][MODEL]["restartPolicy"] = "sometimes"
    with pytest.raises(UserError, match=f"at modules.{MODEL}.restartPolicy: Input should be"):
        content(fine)
