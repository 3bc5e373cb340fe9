"""Ray on one machine is nobody else's business."""

import os
from pathlib import Path

import pytest
from execution.sockets import beyond_loopback, listening, processes_of

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are looked up in /proc")


def test_nothing_listens_beyond_loopback(ray_started: None) -> None:
    import ray

    @ray.remote
    def busy() -> int:
        return os.getpid()

    ray.get(busy.remote())
    found = listening(os.getpid())
    assert processes_of(found) >= {"raylet", "gcs_server"}
    assert beyond_loopback(found) == {}
