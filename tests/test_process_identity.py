"""A process by its id and its start."""

import subprocess
import sys
from dataclasses import replace

import pytest

from throughline.process_identity import ProcessIdentity


def test_this_process_is_found_by_what_was_written_of_it():
    me = ProcessIdentity.of()
    found = ProcessIdentity.parse(str(me)).find()
    assert found and found.pid == me.pid


def test_a_later_process_with_the_same_id_is_another():
    me = ProcessIdentity.of()
    assert replace(me, created=me.created - 60).find() is None


def test_a_process_that_has_ended_is_not_found_waited_for_or_not():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity.find()
        process.kill()
        found = identity.find()
        while found:  # the kernel may take a moment
            found = identity.find()
    assert identity.find() is None


def test_other_text_names_no_process():
    with pytest.raises(ValueError):
        ProcessIdentity.parse("somebody")
