"""A cluster that begins with a head alone: Ray's real autoscaler starts nodes because a study asks for them."""

from pathlib import Path

import pytest
from cluster.hosts import Network

from study import records
from study.records import RunFolder

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

START = """
from ray.cluster_utils import AutoscalingCluster

worker = {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": 2}
AutoscalingCluster({"CPU": 0}, {"worker": worker}, autoscaler_v2=True).start()
"""


def test_slots_are_those_of_the_nodes_that_may_come_and_trials_bring_them(
    network: Network, environment: Path, folder: Path, tiny_images: Path, tiny_study: Path
) -> None:
    host, shared = network.hosts[-1], folder / "shared" / "autoscaling"
    shared.mkdir()
    (shared / "start.py").write_text(START)
    (shared / "tiny.py").write_text(tiny_study.read_text())
    for path in tiny_images.rglob("*.jpg"):
        target = shared / "images" / path.relative_to(tiny_images)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    path = f"PATH={environment / 'bin'}:$PATH"
    started = network.ssh(host, f"{path} python {shared}/start.py")
    assert started.returncode == 0, started.stdout + started.stderr
    command = (
        f"cd {ROOT} && {path} python -m study.run {shared}/tiny.py --data {shared}/images --address auto --trials 2 "
        f"--epochs 2 --seeds 1 --results {shared}/results --reports {shared}/reports"
    )
    ended = network.ssh(host, command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 trials at a time, 1 CPUs and 0 GPUs each" in ended.stderr
    state = records.load_run(RunFolder(shared / "results" / "tiny"))
    assert state.finished
    assert {trial.state for trial in state.trials.values()} <= {records.COMPLETE, records.STOPPED}
    network.ssh(host, f"{path} ray stop --force")
