"""`ray up` on three hosts: a study from the head, on all workers, one of which loses its network in the middle."""

import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cluster.hosts import Host, Network, wait

from study import records
from study.records import RunFolder

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / "cluster-local.yaml"
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]

STUDY = '''
"""A study that takes a few minutes."""
from ray import tune
from study.spec import Recipe, Study

STUDY = Study(
    title="On a cluster",
    dataset="brain_tumor_mri",
    image_size=64,
    pairs={"lenet": Recipe(batch_size=2), "four_block_cnn": Recipe(batch_size=2)},
    space={"lr": tune.loguniform(1e-4, 1e-2), "dropout": tune.uniform(0.0, 0.5)},
)
'''


@dataclass(frozen=True)
class Cluster:
    """Three hosts with Ray on them.

    Attributes:
        network: of the hosts.
        shared: a folder that all of them see.
        file: what `ray up` was given.
        laptop: environment of the machine that gave it.
    """

    network: Network
    shared: Path
    file: Path
    laptop: dict[str, str]

    @property
    def head(self) -> Host:
        return self.network.hosts[0]

    @property
    def workers(self) -> list[Host]:
        return self.network.hosts[1:]

    def ray(self, *command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """`ray ...`, given on the laptop."""
        return subprocess.run(
            ["ray", *command],
            cwd=ROOT,
            env=env or self.laptop,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def cluster(folder: Path, environment: Path, network: Network, tiny_images: Path) -> Cluster:
    """After `ray up` of cluster-local.yaml, its EDIT lines edited; its workers may not have joined yet."""
    (folder / "laptop").mkdir()
    laptop = os.environ | {
        "HOME": str(folder / "laptop"),
        "RAY_UP_enable_autoscaler_v2": "0",
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
    }
    made = Cluster(network, folder / "shared", folder / "cluster.yaml", laptop)
    assert made.ray("get-auth-token", "--generate").returncode == 0
    edited = yaml.safe_load(LOCAL.read_text())
    addresses = {"head_ip": made.head.address, "worker_ips": [host.address for host in made.workers]}
    edited["provider"] |= addresses
    edited["auth"] = {"ssh_user": "root", "ssh_private_key": str(network.key)}
    # The hosts have no way to the internet: what would bring uv and make the environment puts it in its place.
    edited["file_mounts"]["~/.ray/auth_token"] = str(folder / "laptop/.ray/auth_token")
    fetched = [step for step in edited["setup_commands"] if "uv sync" in step or "astral.sh" in step]
    assert len(fetched) == 2
    steps = [step for step in edited["setup_commands"] if step not in fetched]
    edited["setup_commands"] = [f"ln -sfn {environment} ~/study/.venv", *steps]
    # Two hosts share the memory of this machine.
    small = " --num-cpus=1 --object-store-memory=200000000"
    starts = edited["worker_start_ray_commands"]
    edited["worker_start_ray_commands"] = [c + small if "ray start" in c else c for c in starts]
    made.file.write_text(yaml.safe_dump(edited))
    (made.shared / "slow.py").write_text(STUDY)
    subprocess.run(["cp", "-r", str(tiny_images), str(made.shared / "images")], check=True)
    started = made.ray("up", "-y", "--no-config-cache", "--disable-usage-stats", str(made.file))
    assert started.returncode == 0, started.stdout + started.stderr
    return made


def test_a_client_without_the_token_is_refused(cluster: Cluster) -> None:
    asked = ("status", "--address", f"{cluster.head.address}:6379")
    friend = cluster.laptop | {"RAY_AUTH_MODE": "token"}
    # The autoscaler of a head that has just started has no status yet.
    wait(lambda: "Autoscaler status" in cluster.ray(*asked, env=friend).stdout, 60, "a status of the cluster")
    refused = cluster.ray(*asked, env=cluster.laptop | {"HOME": str(cluster.shared)})
    assert refused.returncode != 0
    assert "Autoscaler status" not in refused.stdout


def test_a_study_ends_complete_though_one_of_its_hosts_is_cut_off(cluster: Cluster) -> None:
    shared, head = cluster.shared, cluster.head
    command = (
        # Jobs run where Ray was started, in ~/study: without it the package would be this machine's.
        f"python -m study.run {shared}/slow.py --data {shared}/images --address auto --trials 12 --epochs 9 --seeds 1 "
        f"--results {shared}/results --reports {shared}/reports"
    )
    submitted = cluster.network.ssh(head, f"ray job submit --no-wait --submission-id study -- {command}")
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr

    def said() -> str:
        return cluster.network.ssh(head, "ray status; ray job logs study; ray job status study").stdout

    folder = RunFolder(shared / "results" / "slow")

    def seen_on() -> set[str]:
        ended = [e for e in records.read_events(folder.events) if e["event"] == "completed" and "worker" in e]
        return {e["worker"].split(":")[0] for e in ended}

    wait(lambda: seen_on() >= {host.name for host in cluster.workers}, 300, "trials on both workers", said)
    # At once, while there is much left to do: the host has a trial in flight.
    cluster.workers[1].cut()
    # It waited for both.
    assert "2 trials at a time" in said()
    wait(lambda: any(word in said() for word in ("Job 'study' succeeded", "Job 'study' failed")), 900, "its end", said)
    assert "Job 'study' succeeded" in said(), said()
    state = records.load_run(folder)
    assert state.finished
    assert Counter(t.state for t in state.trials.values())[records.FAILED] == 0
    assert len(state.of_kind(records.SEARCH)) == 24
    assert any(attempt["kind"] == "lost" for t in state.trials.values() for attempt in t.attempts)
    assert "## Finalists" in (shared / "reports" / "slow.md").read_text()


def test_ray_down_ends_the_cluster(cluster: Cluster) -> None:
    down = cluster.ray("down", "-y", str(cluster.file))
    assert down.returncode == 0, down.stdout + down.stderr
    assert cluster.network.ssh(cluster.head, "ray status").returncode != 0
