"""`ray up` on three hosts: a study from the head, on all workers, one of which loses its network in the middle."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from cluster.hosts import Network, missing

from study import records, run
from study.records import RunFolder

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With a short name: sockets are in there."""
    with tempfile.TemporaryDirectory(prefix="rayup", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def network(folder: Path) -> Iterator[Network]:
    reasons = missing()
    if reasons:
        pytest.fail(f"hosts in network namespaces need {', '.join(reasons)}")
    (folder / "shared").mkdir()
    made = Network(folder, num=3, shared=[folder / "shared", ROOT, Path(sys.base_prefix)])
    yield made
    made.close()


def launcher(folder: Path) -> dict[str, str]:
    """The environment of the laptop."""
    home = folder / "laptop"
    home.mkdir(exist_ok=True)
    return os.environ | {"HOME": str(home), "RAY_UP_enable_autoscaler_v2": "0", "PATH": f"{BIN}:{os.environ['PATH']}"}


def test_a_study_on_three_hosts_ends_complete_though_one_is_cut_off(
    network: Network, folder: Path, tiny_images: Path
) -> None:
    env = launcher(folder)
    subprocess.run(["ray", "get-auth-token", "--generate"], env=env, check=True, capture_output=True)
    config = yaml.safe_load((ROOT / "cluster-local.yaml").read_text())
    head, *workers = network.hosts
    config["provider"] |= {"head_ip": head.address, "worker_ips": [host.address for host in workers]}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(network.key)}
    # The hosts have no way to the internet: they use this machine's environment, and this machine's project.
    config["file_mounts"] = {"~/.ray/auth_token": str(folder / "laptop/.ray/auth_token")}
    kept = [command for command in config["setup_commands"] if "uv" not in command and ".venv/bin/ray" not in command]
    path = f"echo 'export PATH={BIN}:$PATH RAY_AUTH_MODE=token' >> ~/.bashrc"
    config["setup_commands"] = [*[c for c in kept if "PATH" not in c], path]
    assert config["setup_commands"] == ["chmod 600 ~/.ray/auth_token", path]
    small = " --num-cpus=1 --object-store-memory=200000000"
    config["worker_start_ray_commands"] = [
        c + small if "ray start" in c else c for c in config["worker_start_ray_commands"]
    ]
    (folder / "cluster.yaml").write_text(yaml.safe_dump(config))
    up = ["ray", "up", "-y", "--no-config-cache", "--disable-usage-stats", str(folder / "cluster.yaml")]
    started = subprocess.run(up, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert started.returncode == 0, started.stdout + started.stderr

    shared = folder / "shared"
    (shared / "slow.py").write_text(STUDY)
    subprocess.run(["cp", "-r", str(tiny_images), str(shared / "images")], check=True)
    wait(lambda: network.ssh(head, "ray status").stdout.count("node_") >= 3, 120, "the workers to join")

    refused = subprocess.run(
        ["ray", "status", "--address", f"{head.address}:6379"],
        env=env | {"HOME": str(folder / "nobody")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode != 0
    assert "node_" not in refused.stdout

    command = (
        f"cd {ROOT} && python -m study.run {shared}/slow.py --data {shared}/images --address auto --trials 6 "
        f"--epochs 9 --seeds 1 --results {shared}/results --reports {shared}/reports > {shared}/log 2>&1; echo $? > {shared}/rc"
    )
    network.ssh(head, f"setsid nohup bash -c {shlex.quote(command)} >/dev/null 2>&1 &")
    run_folder = RunFolder(shared / "results" / "slow")

    def seen_on() -> set[str]:
        ended = [e for e in records.read_events(run_folder.events) if e["event"] == "completed" and "worker" in e]
        return {e["worker"].split(":")[0] for e in ended}

    wait(lambda: seen_on() >= {host.name for host in workers}, 300, "trials on both workers", shared / "log")
    workers[1].cut()
    wait((shared / "rc").exists, 900, "the study to end", shared / "log")
    said = (shared / "log").read_text()
    assert (shared / "rc").read_text().strip() == str(run.DONE), said
    state = records.load_run(run_folder)
    assert state.finished
    assert Counter(t.state for t in state.trials.values())[records.FAILED] == 0
    assert len(state.of_kind(records.SEARCH)) == 12
    assert any(attempt["kind"] == "lost" for t in state.trials.values() for attempt in t.attempts)
    assert "## Finalists" in (shared / "reports" / "slow.md").read_text()

    down = subprocess.run(
        ["ray", "down", "-y", up[-1]], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert down.returncode == 0, down.stdout + down.stderr
    assert network.ssh(head, "ray status").returncode != 0


def wait(happened: Callable[[], bool], at_most_s: float, what: str, log: Path | None = None) -> None:
    deadline = time.monotonic() + at_most_s
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {at_most_s} s for {what}\n{log.read_text() if log and log.exists() else ''}")
        time.sleep(1)
