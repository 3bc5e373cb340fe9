"""Ray on one machine is nobody else's business."""

import ipaddress
import json
import os
import sys
from pathlib import Path

import pytest
import torch

from study.tuning.process_group import ProcessGroup

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are looked up in /proc")


def listening(ancestor: int) -> dict[str, set[str]]:
    """Address -> names of the processes below this one that wait for connections there."""
    inodes = {}
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[3] == "0A":
                inodes[fields[9]] = address(fields[1].split(":")[0])
    found: dict[str, set[str]] = {}
    for process in descendants(ancestor):
        for opened in Path(f"/proc/{process}/fd").glob("*"):
            try:
                target = str(opened.readlink())
            except OSError:
                continue
            inode = target.removeprefix("socket:[").rstrip("]")
            if target.startswith("socket:[") and inode in inodes:
                found.setdefault(inodes[inode], set()).add(Path(f"/proc/{process}/comm").read_text().strip())
    return found


def address(hexadecimal: str) -> str:
    """Of the kernel's notation: 32-bit words, each with its lowest byte first."""
    words = [bytes.fromhex(hexadecimal[i : i + 8])[::-1] for i in range(0, len(hexadecimal), 8)]
    found = ipaddress.ip_address(b"".join(words))
    return str(getattr(found, "ipv4_mapped", None) or found)


def descendants(process: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold blanks.
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    below = [process]
    for each in below:
        below += [child for child, parent in parents.items() if parent == each]
    return below


def test_nothing_listens_beyond_loopback(ray_started: None) -> None:
    import ray

    @ray.remote
    def busy() -> int:
        return os.getpid()

    ray.get(busy.remote())
    found = listening(os.getpid())
    assert processes_of(found) >= {"raylet", "gcs_server"}
    assert beyond_loopback(found) == {}


def test_the_processes_of_a_worker_group_meet_on_loopback(ray_started: None, tmp_path: Path) -> None:
    import ray
    from ray import train
    from ray.train.torch import TorchTrainer

    def work() -> None:
        # Once all have met.
        torch.distributed.barrier()
        rank = train.get_context().get_world_rank()
        (tmp_path / f"{rank}.json").write_text(json.dumps({k: sorted(v) for k, v in listening(os.getpid()).items()}))
        torch.distributed.barrier()

    @ray.remote(num_cpus=0)
    def train_in_group() -> None:
        TorchTrainer(
            work,
            torch_config=ProcessGroup(),
            scaling_config=train.ScalingConfig(num_workers=2),
            run_config=train.RunConfig(storage_path=str(tmp_path)),
        ).fit()

    # The module of this test isn't there in the workers.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.get(train_in_group.remote())
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert [beyond_loopback(each) for each in found] == [{}, {}]
    # The first one's meeting point is among them.
    assert "127.0.0.1" in found[0]


def processes_of(found: dict[str, set[str]]) -> set[str]:
    return {name for processes in found.values() for name in processes}


def beyond_loopback(found: dict[str, set[str]]) -> dict[str, set[str]]:
    return {where: who for where, who in found.items() if not ipaddress.ip_address(where).is_loopback}
