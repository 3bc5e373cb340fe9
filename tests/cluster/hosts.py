"""Hosts on one machine: network namespaces on a bridge, each with its own sshd, processes, home and temporary folder.

Needs root, and Debian's iproute2, openssh-server and rsync.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

NEEDED = {"ip": "iproute2", "sshd": "openssh-server", "rsync": "rsync", "unshare": "util-linux"}
_SBIN = "/usr/sbin:/sbin"


def missing() -> list[str]:
    """Why there can be no hosts here; nothing where there can be."""
    reasons = [] if os.geteuid() == 0 else ["root"]
    path = f"{os.environ['PATH']}:{_SBIN}"
    return reasons + [package for command, package in NEEDED.items() if shutil.which(command, path=path) is None]


def _run(command: str) -> None:
    subprocess.run(shlex.split(command), check=True, env=os.environ | {"PATH": f"{os.environ['PATH']}:{_SBIN}"})


@dataclass(frozen=True)
class Host:
    """One host.

    Attributes:
        name: of its namespace.
        address: IPv4.
        root: holds its home and its temporary folder.
        process: the first one on it.
    """

    name: str
    address: str
    root: Path
    process: "subprocess.Popen[bytes]"

    def cut(self) -> None:
        """Pulls its network cable."""
        _run(f"ip link set v{self.name} down")


class Network:
    """Several hosts, and this machine, on one network.

    Args:
        folder: gets all that belongs to the hosts; its path has to be short, since names of sockets are in there.
        num: of hosts.
        shared: folders that each host sees under the same path as this machine, to read and write.
    """

    def __init__(self, folder: Path, *, num: int, shared: Sequence[Path]) -> None:
        self.folder, self.bridge = folder, "brstudy"
        self.gateway = "10.77.0.254"
        self.key, self._host_key = folder / "key", folder / "host_key"
        self._num, self._shared = num, shared
        self.hosts: list[Host] = []

    def __enter__(self) -> "Network":
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all hosts, and takes the network down."""
        self._stop()

    def _start(self) -> None:
        # A run that was killed may have left its own.
        self._remove_links()
        for path in (self.key, self._host_key):
            _run(f"ssh-keygen -q -t ed25519 -N '' -f {path}")
        _run(f"ip link add {self.bridge} type bridge")
        _run(f"ip address add {self.gateway}/24 dev {self.bridge}")
        _run(f"ip link set {self.bridge} up")
        for number in range(1, self._num + 1):
            self.hosts.append(self._host(number))
        for host in self.hosts:
            self._wait_for_sshd(host)

    def _stop(self) -> None:
        for host in self.hosts:
            host.process.send_signal(signal.SIGKILL)
            host.process.wait()
        self._remove_links()

    def _remove_links(self) -> None:
        names = [f"study{number}" for number in range(1, self._num + 1)]
        for words in (*(["netns", "delete", n] for n in names), *(["link", "delete", f"v{n}"] for n in names)):
            subprocess.run(["ip", *words], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)

    def ssh(self, host: Host, command: str, *, timeout_s: float = 600) -> "subprocess.CompletedProcess[str]":
        """Runs a command in a login shell of a host."""
        options = ["-i", str(self.key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-q"]
        words = ["ssh", *options, f"root@{host.address}", f"bash -i -c {shlex.quote(command)}"]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)

    def _host(self, number: int) -> Host:
        name, address = f"study{number}", f"10.77.0.{number}"
        root = self.folder / f"h{number}"
        home = root / "home"
        for path in (home / ".ssh", root / "tmp"):
            path.mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        shutil.copy(self._host_key, home / ".ssh" / "host_key")
        (home / ".ssh" / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        _run(f"ip netns add {name}")
        _run(f"ip link add v{name} type veth peer name eth0 netns {name}")
        _run(f"ip link set v{name} master {self.bridge} up")
        _run(f"ip -n {name} address add {address}/24 dev eth0")
        for device in ("eth0", "lo"):
            _run(f"ip -n {name} link set {device} up")
        _run(f"ip -n {name} route add default via {self.gateway}")
        # What is shared may lie in what each host has for itself. /tmp comes last: it hides where all of this is.
        own = {Path.home(): home, Path("/tmp"): root / "tmp"}
        inside = [
            (path, real / path.relative_to(seen))
            for path in self._shared
            for seen, real in own.items()
            if path.is_relative_to(seen)
        ]
        for _, target in inside:
            target.mkdir(parents=True, exist_ok=True)
        seen_key = Path.home() / ".ssh" / "host_key"
        mounts = [f"mount --rbind {path} {target}" for path, target in inside]
        script = "; ".join(
            [
                "set -e",
                f"hostname {name}",
                "mount --make-rprivate /",
                "mount -t tmpfs -o size=4g tmpfs /dev/shm",
                *mounts,
                *(f"mount --rbind {real} {seen}" for seen, real in own.items()),
                "mkdir -p /run/sshd",
                f"/usr/sbin/sshd -D -e -f /dev/null -h {seen_key} -o UsePAM=no -o StrictModes=no -o PidFile=none "
                f"-o ListenAddress={address} & wait",
            ]
        )
        command = ["ip", "netns", "exec", name, "unshare", "-m", "-u", "-i", "-p", "--fork", "--kill-child"]
        with (root / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--mount-proc", "bash", "-c", script], stdout=log, stderr=log, start_new_session=True
            )
        return Host(name, address, root, process)

    def _wait_for_sshd(self, host: Host) -> None:
        for _ in range(100):
            if self.ssh(host, "true").returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{host.name} does not answer: {(host.root / 'log').read_text()}")


def wait(happened: Callable[[], bool], at_most_s: float, what: str, said: Callable[[], str] = str) -> None:
    """Returns once it has happened; fails, with what was said meanwhile, if it does not."""
    deadline = time.monotonic() + at_most_s
    while not happened():
        assert time.monotonic() < deadline, f"waited {at_most_s} s for {what}\n{said()}"
        time.sleep(1)
