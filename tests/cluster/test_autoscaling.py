"""A cluster that begins with a head alone: Ray's real autoscaler starts nodes because a study asks for them."""

from pathlib import Path

import pytest
import yaml
from cluster.hosts import Network

from study import records
from study.records import RunFolder

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

HEAD = "f" * 51 + "00000"
# Ray's own provider of nodes that are processes of one machine.
CONFIG = {
    "cluster_name": "fake_multinode",
    "max_workers": 2,
    "provider": {
        "type": "fake_multinode",
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
        "launch_multiple": True,
        "head_node_id": HEAD,
    },
    "available_node_types": {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "worker": {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": 2},
    },
    "head_node_type": "ray.head.default",
    "idle_timeout_minutes": 5,
    "auth": {},
    "file_mounts": {},
    "cluster_synced_files": [],
    "initialization_commands": [],
    "setup_commands": [],
    "head_setup_commands": [],
    "worker_setup_commands": [],
    "head_start_ray_commands": [],
    "worker_start_ray_commands": [],
}
START = (
    "RAY_FAKE_CLUSTER=1 AUTOSCALER_UPDATE_INTERVAL_S=1 RAY_enable_autoscaler_v2=1 "
    f"RAY_CLOUD_INSTANCE_ID={HEAD} RAY_OVERRIDE_NODE_ID_FOR_TESTING={HEAD} "
    "ray start --head --num-cpus=0 --disable-usage-stats --autoscaling-config=~/ray_bootstrap_config.yaml"
)


def test_slots_are_those_of_the_nodes_that_may_come_and_trials_bring_them(
    network: Network, environment: Path, folder: Path, tiny_images: Path, tiny_study: Path
) -> None:
    host, shared = network.hosts[-1], folder / "shared" / "autoscaling"
    shared.mkdir()
    # As `ray up` does; and what Ray's wheel lacks of this provider, a file of defaults.
    (host.root / "home" / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(CONFIG))
    (packages,) = environment.glob("lib/python3.*/site-packages")
    (packages / "ray/autoscaler/_private/fake_multi_node/example.yaml").write_text(yaml.safe_dump(CONFIG))
    (shared / "tiny.py").write_text(tiny_study.read_text())
    for path in tiny_images.rglob("*.jpg"):
        target = shared / "images" / path.relative_to(tiny_images)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    path = f"PATH={environment / 'bin'}:$PATH"
    started = network.ssh(host, f"export {path}; {START}")
    assert started.returncode == 0, started.stdout + started.stderr
    command = (
        f"cd {ROOT} && {path} python -m study.run {shared}/tiny.py --data {shared}/images --address auto --trials 2 "
        f"--epochs 2 --seeds 1 --results {shared}/results --reports {shared}/reports"
    )
    ended = network.ssh(host, command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 trials at a time, 1 CPU each" in ended.stderr
    state = records.load_run(RunFolder(shared / "results" / "tiny"))
    assert state.finished
    assert {trial.state for trial in state.trials.values()} <= {records.COMPLETE, records.STOPPED}
    network.ssh(host, f"{path} ray stop --force")
