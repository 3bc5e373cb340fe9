"""Pretrained pairs get their weights, or are trained from scratch where that is allowed and said."""

from pathlib import Path

import pytest
import torch
import torchvision
from ray import tune

from study.errors import DeclarationError, StudyError, UnknownNameError
from study.planning.pretrained_weights import check_freezing, longest_freeze, resolve
from study.spec import Recipe, Study
from study.training.pretrained import IMAGENET, NoWeightsError

RECIPE = Recipe(pretrained=True, freeze_epochs=1)
SIZES_PX = dict.fromkeys(("lenet", "resnet18", "resnet50", "eight_conv_cnn"), 32)
TRANSFER = {
    "batchnorm": tune.choice([False, True]),
    "freeze_epochs": tune.choice([1, 3]),
    "fine_tune_lr": tune.loguniform(1e-5, 1e-3),
}


def study(*, allow_from_scratch: bool = False, **pairs: Recipe) -> Study:
    return Study(
        title="Tiny",
        dataset="brain_tumor_mri",
        image_size=32,
        pairs={"lenet": Recipe(), "resnet18": RECIPE, **pairs},
        space={"lr": tune.loguniform(1e-4, 1e-2)},
        pair_space={"resnet18": TRANSFER},
        tried={"resnet18": ({"freeze_epochs": 3}, {"lr": 1e-2, "fine_tune_lr": 1e-4})},
        allow_from_scratch=allow_from_scratch,
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth"


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing cached and nothing to be reached: the download is refused at once, as behind a firewall."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "empty"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")


@pytest.mark.parametrize("given", ["{}", "resnet18={}"])
def test_a_file_is_for_the_pretrained_pair(weights: Path, given: str) -> None:
    found = resolve(study(), [given.format(weights)], image_sizes=SIZES_PX, num_logits=4, stand_in=False)
    assert set(found.pretrained) == {"resnet18"}
    assert found.pretrained["resnet18"].standardization == IMAGENET
    assert found.from_scratch == {}


def test_a_network_that_the_study_trains_from_scratch_can_be_given_weights(tmp_path: Path, weights: Path) -> None:
    from study import architectures

    torch.save(architectures.find("lenet").build(Recipe(), 2, 32).state_dict(), tmp_path / "lenet.pt")
    files = [f"resnet18={weights}", f"lenet={tmp_path / 'lenet.pt'}"]
    found = resolve(study(), files, image_sizes=SIZES_PX, num_logits=4, stand_in=False)
    assert set(found.pretrained) == {"resnet18", "lenet"}
    assert found.study.pairs["lenet"].pretrained


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["lennet=x.pth"], "Did you mean 'lenet'?"),
        (["resnet18=nowhere.pth"], "nowhere.pth can't be read"),
    ],
)
def test_a_file_for_no_pair_or_of_nothing_is_refused(given: list[str], expected: str) -> None:
    with pytest.raises((UnknownNameError, StudyError), match=expected):
        resolve(study(), given, image_sizes=SIZES_PX, num_logits=4, stand_in=False)


def test_a_bare_file_needs_exactly_one_pretrained_pair(weights: Path) -> None:
    two = study(resnet50=RECIPE)
    with pytest.raises(StudyError, match=r"this one has 2 \(resnet18, resnet50\). Give --weights PAIR=FILE"):
        resolve(two, [str(weights)], image_sizes=SIZES_PX, num_logits=4, stand_in=False)


@pytest.mark.usefixtures("offline")
def test_without_weights_a_study_of_real_images_stops_with_the_ways_on() -> None:
    with pytest.raises(NoWeightsError, match=r"can't be downloaded .* --weights resnet18=FILE .* --architecture"):
        resolve(study(), [], image_sizes=SIZES_PX, num_logits=4, stand_in=False)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("allowed", "stand_in"), [(True, False), (False, True)])
def test_without_weights_a_pair_is_trained_from_scratch_where_that_is_allowed(
    capsys: pytest.CaptureFixture[str], allowed: bool, stand_in: bool
) -> None:
    found = resolve(study(allow_from_scratch=allowed), [], image_sizes=SIZES_PX, num_logits=4, stand_in=stand_in)
    recipe = found.study.pairs["resnet18"]
    assert (recipe.pretrained, recipe.freeze_epochs, recipe.batchnorm) == (False, 0, True)
    assert set(found.study.space_of("resnet18")) == {"lr"}
    assert set(found.study.space_of("lenet")) == {"lr"}
    assert found.study.tried["resnet18"] == ({"lr": 1e-2},)
    assert "can't be downloaded" in found.from_scratch["resnet18"]
    assert "resnet18 is trained FROM SCRATCH" in capsys.readouterr().err


def test_the_longest_freeze_is_the_recipes_or_the_spaces() -> None:
    assert longest_freeze(study(), "resnet18") == 3
    assert longest_freeze(study(), "lenet") == 0


def test_a_budget_must_outlast_the_frozen_epochs() -> None:
    check_freezing(study(), 4)
    with pytest.raises(DeclarationError, match=r"'resnet18' is frozen for 3 of 3 epochs. Give --epochs 4 or more"):
        check_freezing(study(), 3)


def test_freezing_a_network_that_is_not_pretrained_is_refused() -> None:
    wrong = Study(title="Tiny", dataset="brain_tumor_mri", image_size=32, pairs={"lenet": Recipe()}, space=TRANSFER)
    with pytest.raises(DeclarationError, match="'freeze_epochs' of 'lenet' is searched without pretrained=True"):
        check_freezing(wrong, 9)


def test_dimensions_in_which_given_weights_fit_no_other_network_are_not_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from study import architectures

    recipe = Recipe(width=8, batchnorm=True)
    torch.save(architectures.find("eight_conv_cnn").build(recipe, 2, 32).state_dict(), tmp_path / "eight.pt")
    given = Study(
        title="Tiny",
        dataset="brain_tumor_mri",
        image_size=32,
        pairs={"eight_conv_cnn": recipe},
        space={
            "lr": tune.loguniform(1e-4, 1e-2),
            "dropout": tune.uniform(0.0, 0.5),
            "batchnorm": tune.choice([False, True]),
            "width": tune.choice([8, 16]),
        },
        tried={"eight_conv_cnn": ({"width": 16}, {"width": 16, "lr": 1e-3})},
    )
    found = resolve(
        given, [f"eight_conv_cnn={tmp_path / 'eight.pt'}"], image_sizes=SIZES_PX, num_logits=4, stand_in=False
    )
    assert set(found.study.space_of("eight_conv_cnn")) == {"lr", "dropout"}
    assert found.study.tried["eight_conv_cnn"] == ({"lr": 1e-3},)
    assert "keeps the batchnorm, width of its weights" in capsys.readouterr().err


def test_values_that_a_study_tries_count_for_the_longest_freeze() -> None:
    long = Study(
        title="Tiny",
        dataset="brain_tumor_mri",
        image_size=32,
        pairs={"resnet18": RECIPE},
        space={"lr": tune.loguniform(1e-4, 1e-2)},
        tried={"resnet18": ({"freeze_epochs": 5},)},
    )
    assert longest_freeze(long, "resnet18") == 5


def test_whether_a_network_is_pretrained_is_not_searched() -> None:
    with pytest.raises(DeclarationError, match="'lenet' searches or tries it"):
        check_freezing(
            Study(
                title="Tiny",
                dataset="brain_tumor_mri",
                image_size=32,
                pairs={"lenet": Recipe()},
                space={"pretrained": tune.choice([False, True])},
            ),
            9,
        )
