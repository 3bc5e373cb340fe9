"""What every dataset must do: these run over all that are found, so a new one is tested without a new test."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from study import datasets
from study.datasets import DEVELOPMENT, TEST, Counts, Dataset, Edition, Sample, edition_of
from study.errors import DataError
from study.training.augmentation_policies import POLICIES

NAMES = datasets.names()


@pytest.fixture(params=NAMES)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return datasets.find(request.param)


def few(stand_in: Counts) -> dict[str, dict[str, int]]:
    """A few images of each class, another number of each."""
    return {
        side: {name: 1 + (number + place) % 4 for number, name in enumerate(by_class)}
        for place, (side, by_class) in enumerate(stand_in.items())
    }


def counted(dataset: Dataset, samples: list[Sample]) -> Mapping[tuple[str, str], int]:
    return Counter((s.side, dataset.classes[s.target]) for s in samples)


def flat(counts: Counts) -> dict[tuple[str, str], int]:
    return {(side, name): n for side, by_class in counts.items() for name, n in by_class.items()}


def test_a_stand_in_is_read_back_with_the_counts_it_was_drawn_with(dataset: Dataset, tmp_path: Path) -> None:
    counts = few(dataset.stand_in)
    dataset.draw(tmp_path / "drawn", counts, 3)
    samples = dataset.scan(tmp_path / "drawn")
    assert counted(dataset, samples) == flat(counts)
    assert dataset.scan(tmp_path / "drawn") == samples
    assert len({s.path for s in samples}) == len(samples)
    for sample in samples:
        assert (tmp_path / "drawn" / sample.path).is_file()
        assert sample.path not in dataset.excluded


def test_another_seed_draws_other_images_and_the_same_seed_the_same(dataset: Dataset, tmp_path: Path) -> None:
    counts = {side: dict.fromkeys(by_class, 1) for side, by_class in dataset.stand_in.items()}
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        dataset.draw(tmp_path / folder, counts, seed)
    first, again, other = (
        sorted((tmp_path / folder / s.path).read_bytes() for s in dataset.scan(tmp_path / folder))
        for folder in ("first", "again", "other")
    )
    assert first == again
    assert not set(first) & set(other)


def test_a_stand_in_has_images_of_every_class_enough_to_be_split(dataset: Dataset) -> None:
    assert DEVELOPMENT in dataset.stand_in
    assert set(dataset.stand_in) <= {DEVELOPMENT, TEST}
    for by_class in dataset.stand_in.values():
        assert tuple(by_class) == dataset.classes
        assert min(by_class.values()) >= 20
    assert 200 <= sum(flat(dataset.stand_in).values()) <= 1000


def test_editions_publish_counts_of_the_classes(dataset: Dataset) -> None:
    assert dataset.editions
    for edition in dataset.editions:
        assert edition.source
        named = {name for by_class in edition.expected.values() for name in by_class}
        assert named - {"all"} == set(dataset.classes)
        assert set(edition.expected) <= {DEVELOPMENT, TEST, "all"}
        assert all(n > 0 for n in flat(edition.expected).values())
    assert len({e.title for e in dataset.editions}) == len(dataset.editions)


def test_an_edition_is_recognised_by_its_own_counts(dataset: Dataset) -> None:
    for edition in dataset.editions:
        samples = [
            Sample(f"{side}/{name}/{i}", side, dataset.classes.index(name))
            for (side, name), n in flat(edition.expected).items()
            if side != "all" and name != "all"
            for i in range(n)
        ]
        assert edition_of(dataset, samples) is edition or not samples


def test_what_users_are_told_is_there(dataset: Dataset) -> None:
    assert dataset.title
    assert dataset.licence
    assert dataset.how_to_get.endswith(".")
    assert len(dataset.classes) == len(set(dataset.classes)) >= 2
    assert all(dataset.excluded.values())


def test_the_modality_says_what_augmentation_may_do(dataset: Dataset) -> None:
    assert dataset.modality in POLICIES


@pytest.mark.parametrize("inside", [(), ("notes.txt",), ("images/a.png",)])
def test_a_folder_of_another_layout_is_refused(dataset: Dataset, tmp_path: Path, inside: tuple[str, ...]) -> None:
    for name in inside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as refusal:
        dataset.scan(tmp_path)
    assert str(tmp_path) in str(refusal.value)


def test_the_first_of_two_equally_near_editions_is_taken() -> None:
    dataset = datasets.find("brain_tumor_mri")
    near, far = (Edition(title=t, source="here", expected={"all": {"glioma": n}}) for t, n in (("a", 2), ("b", 4)))
    three = [Sample(str(i), DEVELOPMENT, 0) for i in range(3)]

    def nearest(*editions: Edition) -> str:
        changed = Dataset(**{**vars(dataset), "editions": editions})
        return edition_of(changed, three).title

    assert nearest(near, far) == "a"
    assert nearest(far, near) == "b"
