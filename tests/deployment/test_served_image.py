"""What an image and its containers are called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.deployment.served_image import docker_name, image_name
from throughline.deployment.target import ModelVersion
from throughline.deployment.targets import open_target
from throughline.errors import UserError

NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")


def test_a_plain_name_stays():
    assert image_name(ModelVersion("flights-late", "3", "", "")) == "throughline-flights-late:3"


@given(st.sets(st.text(min_size=1), min_size=2))
def test_every_model_has_a_name_of_its_own_that_docker_takes(names):
    made = {docker_name(name) for name in names}
    assert len(made) == len(names)
    assert all(NAME.fullmatch(name) for name in made)


def test_names_that_look_alike_are_told_apart():
    alike = ("flights-late", "flights_late", "Flights.Late", "flights--late", "-flights-late")
    assert len({docker_name(name) for name in alike}) == len(alike)


def test_a_host_for_a_container_is_refused():
    with pytest.raises(UserError, match="the target docker serves on 127.0.0.1"):
        open_target("docker", "data", 5055, host="0.0.0.0")  # noqa: S104
