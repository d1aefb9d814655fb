"""After SIGTERM, the container loses no accepted request, and exits with 0."""

import threading
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.container import RELEASE
from tests.container.conftest import Start
from tests.container.running import Container, load
from tests.deploy.client import Reply
from tests.deploy.running import is_running
from tests.polling import wait_until

pytestmark = pytest.mark.container

# The limit, in seconds.
LIMIT_WHEN_IDLE = 5


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_on_a_kept_connection_is_lost(start: Start, workers: str) -> None:
    container = start("--no-healthcheck", GRANIAN_WORKERS=workers).wait_until_ready()

    # Clients of a container that the balancer has removed: they open no new connections.
    with load(container.port, clients=6, kept_alive=True, reconnect=False) as outcomes:
        wait_until(lambda: outcomes.total() >= 200, "the load is on")
        container.terminate()
        status = container.exit_status()

    assert (status, set(outcomes)) == (0, {f"200 {RELEASE}"})


def test_responses_announce_the_end_of_their_connection(start: Start) -> None:
    container = start("--no-healthcheck").wait_until_ready()
    assert container.get().headers["Connection"] is None

    container.terminate()

    wait_until(lambda: container.get().headers["Connection"] == "close", "it says so")


def test_a_request_in_flight_gets_its_response(holding: Container, tmp_path: Path) -> None:
    replies: list[Reply] = []
    thread = threading.Thread(
        target=lambda: replies.append(holding.get(X_Hold="4", X_Hold_Begun="/held/begun"))
    )
    thread.start()
    wait_until((tmp_path / "begun").exists, "the request has reached the view")

    holding.terminate()

    thread.join()
    assert [reply.status for reply in replies] == [HTTPStatus.OK]
    assert holding.exit_status() == 0


def test_when_idle_it_exits_within_five_seconds(start: Start) -> None:
    container = start("--no-healthcheck").wait_until_ready()

    container.terminate()
    wait_until(lambda: not is_running(container.pid), "it has exited", LIMIT_WHEN_IDLE)

    assert container.exit_status() == 0


def test_a_sigterm_right_after_the_start_stops_it(start: Start) -> None:
    container = start("--no-healthcheck")

    container.terminate()

    assert container.exit_status() == 0
