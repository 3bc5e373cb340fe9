"""Where the processes of a worker group meet: torch would listen on all addresses of the machine, for anybody."""

import importlib
import os
import socket
from typing import Any

import ray
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.backend import BackendConfig
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend
from torch._C._distributed_c10d import TCPStore

# Its package hides it behind a function of the same name.
_rendezvous: Any = importlib.import_module("torch.distributed.rendezvous")


class ProcessGroup(TorchConfig):
    """Ray Train's process group of torch, whose meeting point listens where the others look for it and nowhere else.

    On a single machine that is loopback, and so is what Gloo and NCCL listen on; on a cluster these choose an address
    of their machine themselves.
    """

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """What Ray Train sets the group up with."""
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: BaseWorkerGroup, backend_config: BackendConfig) -> None:
        worker_group.execute(_prepare)
        assert isinstance(backend_config, TorchConfig)
        super().on_start(worker_group, backend_config)


def _prepare() -> None:
    """In each process of the group, before it is set up."""
    _rendezvous.TCPStore = _store
    if socket.gethostbyname(ray.util.get_node_ip_address()).startswith("127."):
        # Or Gloo and NCCL choose an address by the machine's name.
        (loopback,) = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
        os.environ |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}


def _store(host_name: str, port: int, *, is_master: bool = False, **options: Any) -> TCPStore:
    """A meeting point that listens where the others look for it."""
    if is_master:
        listener = socket.create_server((host_name, port))
        # The store closes it.
        options["master_listen_fd"] = listener.detach()
    return TCPStore(host_name, port, is_master=is_master, **options)
