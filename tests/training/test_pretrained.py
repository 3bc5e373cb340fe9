"""Weights from files and from torchvision: what fits is taken without its head, what doesn't is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from study import architectures
from study.errors import DataError
from study.spec import Recipe
from study.training import checkpoint, pretrained
from study.training.data import Standardization
from study.training.pretrained import IMAGENET, NoWeightsError, Pretrained


def build(name: str, *, num_logits: int = 4, size_px: int = 32, **recipe: Any) -> nn.Module:
    torch.manual_seed(0)
    return architectures.find(name).build(Recipe(**recipe), num_logits, size_px)


@pytest.fixture
def resnet_file(tmp_path: Path) -> Path:
    """As torchvision publishes it: a plain state dict with a head for 1,000 classes."""
    torch.manual_seed(1)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth"


def test_a_file_in_torchvisions_format_gives_all_but_the_head_and_imagenets_standardization(resnet_file: Path) -> None:
    model = build("resnet18")
    weights = pretrained.from_file(resnet_file, "resnet18", model)
    assert weights.standardization == IMAGENET
    assert not any(name.startswith("fc.") for name in weights.base)
    head_before = {k: v.clone() for k, v in model.state_dict().items() if k.startswith("fc.")}
    pretrained.put_into(model, weights)
    published = torch.load(resnet_file, weights_only=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, head_before[name] if name in head_before else published[name]), name


def test_what_a_seed_run_has_left_can_be_started_from_with_its_own_standardization(tmp_path: Path) -> None:
    trained = build("lenet", num_logits=2)
    state = {"model": trained.state_dict(), "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    checkpoint.save(tmp_path / "seed0.pt", state)
    weights = pretrained.from_file(tmp_path / "seed0.pt", "lenet", build("lenet"))
    assert weights.standardization == Standardization((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert set(weights.base) == {name for name in trained.state_dict() if not name.startswith("head.")}


def test_weights_are_stored_and_read_back_unchanged(resnet_file: Path, tmp_path: Path) -> None:
    weights = pretrained.from_file(resnet_file, "resnet18", build("resnet18"))
    checkpoint.save(tmp_path / "stored.pt", weights.state())
    again = Pretrained.from_state(checkpoint.load(tmp_path / "stored.pt"))
    assert (again.standardization, again.source, again.sha256) == (IMAGENET, "file resnet18.pth", weights.sha256)


def test_the_hash_is_of_the_weights_and_not_of_the_file(resnet_file: Path, tmp_path: Path) -> None:
    state = torch.load(resnet_file, weights_only=True)
    torch.save(dict(reversed(state.items())), tmp_path / "reversed.pth")
    first, second = (
        pretrained.from_file(path, "resnet18", build("resnet18")) for path in (resnet_file, tmp_path / "reversed.pth")
    )
    assert first.sha256 == second.sha256
    state["conv1.weight"][0, 0, 0, 0] += 1
    torch.save(state, tmp_path / "changed.pth")
    assert pretrained.from_file(tmp_path / "changed.pth", "resnet18", build("resnet18")).sha256 != first.sha256


def test_counters_that_old_files_lack_are_not_missed(resnet_file: Path) -> None:
    state = torch.load(resnet_file, weights_only=True)
    torch.save({k: v for k, v in state.items() if "num_batches_tracked" not in k}, resnet_file)
    model = build("resnet18")
    pretrained.put_into(model, pretrained.from_file(resnet_file, "resnet18", model))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.pop("layer1.0.conv1.weight"), r"1 are missing \(layer1.0.conv1.weight\)"),
        (lambda s: s.update(extra=torch.zeros(1)), r"1 are unknown \(extra\)"),
        (lambda s: s.update({"conv1.weight": torch.zeros(2, 2)}), r"1 differ in shape \(conv1.weight\)"),
    ],
)
def test_weights_that_do_not_fit_are_an_error(resnet_file: Path, change: Any, expected: str) -> None:
    state = dict(torch.load(resnet_file, weights_only=True))
    change(state)
    torch.save(state, resnet_file)
    with pytest.raises(DataError, match=expected):
        pretrained.from_file(resnet_file, "resnet18", build("resnet18"))


def test_the_weights_of_another_network_are_an_error_that_names_a_few(resnet_file: Path) -> None:
    with pytest.raises(DataError, match=r"EfficientNet-B0 .* are missing \(.*, \.\.\.\); .* are unknown"):
        pretrained.from_file(resnet_file, "efficientnet_b0", build("efficientnet_b0"))


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 half a file"])
def test_a_file_that_holds_no_weights_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"--weights must name a file that torch.save has written"):
        pretrained.from_file(path, "lenet", build("lenet"))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.pth can't be read"):
        pretrained.from_file(tmp_path / "nowhere.pth", "lenet", build("lenet"))


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "model": {}}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"state dict"):
        pretrained.from_file(tmp_path / "other.pth", "lenet", build("lenet"))


def test_a_network_without_published_weights_says_so() -> None:
    with pytest.raises(NoWeightsError, match=r"torchvision publishes none for lenet. Give --weights lenet=FILE"):
        pretrained.from_torchvision("lenet", build("lenet"))


def test_torchvisions_weights_come_from_torchs_cache_and_a_damaged_one_is_refused(
    resnet_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real loader, with the file where it would have downloaded it to."""
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    url = torchvision.models.get_weight("ResNet18_Weights.IMAGENET1K_V1").url
    (cache / url.rpartition("/")[2]).write_bytes(resnet_file.read_bytes())
    weights = pretrained.from_torchvision("resnet18", build("resnet18"))
    assert weights.source == "ResNet18_Weights.IMAGENET1K_V1"
    assert torch.equal(weights.base["conv1.weight"], torch.load(resnet_file, weights_only=True)["conv1.weight"])


def test_half_precision_and_trainable_weights_are_taken_as_numbers(resnet_file: Path) -> None:
    state = torch.load(resnet_file, weights_only=True)
    odd = {k: nn.Parameter(v.bfloat16()) if v.is_floating_point() else v for k, v in state.items()}
    torch.save(odd, resnet_file)
    weights = pretrained.from_file(resnet_file, "resnet18", build("resnet18"))
    assert weights.base["conv1.weight"].dtype == torch.float32
    assert len(weights.sha256) == 64
