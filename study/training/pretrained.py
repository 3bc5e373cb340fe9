"""Weights that were learnt on other images: where they come from, whether they fit, how they get into a network.

Only what precedes the head is taken: the head belongs to the classes that it was learnt on.
"""

import hashlib
import io
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor, nn

from study import architectures
from study.architectures import Architecture
from study.errors import DataError
from study.training.data import Standardization

# The statistics that torchvision's weights expect, see its documentation of each weights enum's transforms.
IMAGENET = Standardization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

_CONNECTION_TIMEOUT_S = 20
_FEW = 3


class NoWeightsError(DataError):
    """No weights could be had from torchvision; training from scratch may be the way on.

    Attributes:
        why: in one clause.
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}. {remedy}")
        self.why = why


@dataclass(frozen=True)
class Pretrained:
    """What a pretrained recipe starts from.

    Attributes:
        base: name -> value of all that precedes the head.
        standardization: what the weights expect of the images; None: that of the training images.
        source: in a few words, for the report.
    """

    base: Mapping[str, Tensor]
    standardization: Standardization | None
    source: str

    @property
    def sha256(self) -> str:
        """Hash of names and values, whatever file they came in."""
        digest = hashlib.sha256()
        for name, value in sorted(self.base.items()):
            digest.update(name.encode())
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def state(self) -> dict[str, Any]:
        """As it is stored: tensors, numbers and strings."""
        known = self.standardization
        return {
            "base": dict(self.base),
            "mean": list(known.mean) if known else [],
            "std": list(known.std) if known else [],
            "source": self.source,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Pretrained":
        """What `state` returned."""
        known = Standardization(tuple(state["mean"]), tuple(state["std"])) if state["mean"] else None
        return cls(state["base"], known, state["source"])


def from_torchvision(name: str, model: nn.Module) -> Pretrained:
    """Torchvision's weights for an architecture, downloaded once and then taken from torch's cache.

    Args:
        name: in `study.architectures`.
        model: a network of that architecture, to check the weights against.

    Raises:
        NoWeightsError: there are none, or they can't be downloaded.
        DataError: they don't fit.
    """
    architecture = architectures.find(name)
    if not architecture.weights:
        raise NoWeightsError(
            f"A pretrained recipe needs weights, but torchvision publishes none for {name}",
            f"Give --weights {name}=FILE, or declare pretrained=False.",
        )
    # Imported late: it takes seconds, and most networks do without.
    from torchvision.models import get_weight

    url = get_weight(architecture.weights).url
    if not (Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(url).name).exists():
        print(f"Downloading the weights of {name}, once: {url}", file=sys.stderr, flush=True)
    try:
        # Torch's own line would follow, with the path of its cache.
        with _timeout(_CONNECTION_TIMEOUT_S), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            state = get_weight(architecture.weights).get_state_dict(progress=False, check_hash=True, weights_only=True)
    except Exception as error:
        # The network, the disk, a damaged file in torch's cache: each has errors of its own.
        raise NoWeightsError(
            f"{name} starts from torchvision's {architecture.weights}, but they can't be downloaded ({error})",
            f"Give --weights {name}=FILE with the file of {url}, or train other networks with --architecture.",
        ) from error
    return Pretrained(_base(architecture, state, model, architecture.weights), IMAGENET, architecture.weights)


def from_file(path: Path, name: str, model: nn.Module) -> Pretrained:
    """Weights from a file: in torchvision's format (a state dict), or those that a seed run of a study has left.

    Args:
        path: the file.
        name: in `study.architectures`.
        model: a network of that architecture, to check the weights against.

    Raises:
        DataError: the file isn't there, can't be read, or doesn't fit.
    """
    architecture = architectures.find(name)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Whatever bytes a file holds, torch.load may raise: no list of its errors is complete.
        first_line = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"--weights must name a file that torch.save has written, but {path} can't be read ({first_line})."
        ) from error
    standardization = IMAGENET if architecture.weights else None
    if isinstance(state, Mapping) and set(state) == {"model", "mean", "std"} and isinstance(state["mean"], list):
        standardization = Standardization(tuple(state["mean"]), tuple(state["std"]))
        state = state["model"]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise DataError(f"--weights must name a file that holds a state dict (name -> tensor), but {path} does not.")
    return Pretrained(_base(architecture, state, model, str(path)), standardization, f"file {path.name}")


def put_into(model: nn.Module, pretrained: Pretrained) -> None:
    """Sets all of a network but its head, which keeps its random weights. They must fit, see `check_fit`."""
    model.load_state_dict(dict(pretrained.base), strict=False)


def check_fit(architecture: Architecture, base: Mapping[str, Tensor], model: nn.Module, source: str) -> None:
    """Raises DataError where weights don't fit a network but for its head: names missing, unknown, of other shapes."""
    needed = {name: value for name, value in model.state_dict().items() if not _is_of(name, architecture.head)}
    # A counter that files from before torch 0.4.1 lack, and that nothing here reads.
    missing = [n for n in needed if n not in base and not n.endswith("num_batches_tracked")]
    unexpected = [name for name in base if name not in needed]
    misshapen = [n for n in needed if n in base and base[n].shape != needed[n].shape]
    problems = [
        f"{len(names)} {what} ({', '.join(names[:_FEW])}{', ...' if len(names) > _FEW else ''})"
        for what, names in (("are missing", missing), ("are unknown", unexpected), ("differ in shape", misshapen))
        if names
    ]
    if problems:
        raise DataError(
            f"Weights must fit the network {architecture.title} but for its head, but of those in {source} "
            f"{'; '.join(problems)}. Give the weights of this network, made with the same hyperparameters."
        )


def _base(architecture: Architecture, state: Mapping[str, Tensor], model: nn.Module, source: str) -> dict[str, Tensor]:
    """The weights that precede the head, if they fit the network exactly."""
    renamed = {architecture.rename(name): value for name, value in state.items()}
    base = {name: value for name, value in renamed.items() if not _is_of(name, architecture.head)}
    check_fit(architecture, base, model, source)
    types = {name: value.dtype for name, value in model.state_dict().items()}
    return {name: value.detach().to(types[name]) for name, value in base.items()}


def _is_of(name: str, child: str) -> bool:
    return name.partition(".")[0] == child


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """For new connections: torch's download has none of its own, and would wait for ever behind some firewalls."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
