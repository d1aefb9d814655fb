"""The unit suite stays fast because a unit test that starts a process fails."""

import os
import subprocess

import pytest


def test_a_unit_test_cannot_start_a_process() -> None:
    with pytest.raises(AssertionError, match=r"mark it 'process'$"):
        subprocess.run(["true"], check=True)


def test_a_unit_test_cannot_fork() -> None:
    with pytest.raises(AssertionError, match=r"mark it 'process'$"):
        os.fork()


@pytest.mark.process
def test_a_test_marked_process_can_start_a_process() -> None:
    result = subprocess.run(["true"], check=False)

    assert result.returncode == 0
