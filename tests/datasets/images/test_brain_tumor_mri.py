"""The real brain MRI files: only hashed here, so that the official test images stay unseen."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from study import datasets
from study.datasets import TEST
from study.datasets.__main__ import main
from study.datasets.images import splits

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "brain_tumor_mri"


pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the published images are not at {DATA}")


def test_the_published_files_have_the_published_counts_and_the_known_duplicates() -> None:
    dataset = datasets.find("brain_tumor_mri")
    samples = dataset.scan(DATA)
    published = datasets.edition_of(dataset, samples).expected
    assert published is dataset.editions[0].expected
    found = Counter((s.side, dataset.classes[s.target]) for s in samples)
    assert found == {(side, name): n for side, counts in published.items() for name, n in counts.items()}

    hashes = [hashlib.sha256((DATA / s.path).read_bytes()).hexdigest() for s in samples]
    counted = splits.duplicate_counts(samples, hashes)
    known = {"extra_copies": 237, "groups_spanning_test": 64, "spanning_test": 88, "groups_of_two_labels": 0}
    assert {name: counted[name] for name in known} == known
    table = splits.split(samples, hashes, classes=dataset.classes, val_fraction=0.15, seed=0)
    test, rest = table[table["split"] == splits.TEST], table[table["split"].isin([splits.TRAIN, splits.VAL])]
    assert len(test) == sum(published[TEST].values()) == 394
    assert not set(test["sha256"]) & set(rest["sha256"])


def test_the_check_finds_the_known_copies_and_look_alikes_and_no_unreadable_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "brain_tumor_mri", "--data", str(DATA)]) == 0
    told = {line[:18].strip(): line[20:] for line in capsys.readouterr().out.splitlines()}
    # Many were saved again with other compression tables, but are the same to a pixel.
    assert told["copies"].startswith("394 files hold the picture of another one, pixel by pixel (237 of them byte by")
    assert told["look-alikes"].startswith("53 further pictures look like another one")
    assert told["look-alikes"].endswith("in 44 groups; 2 of these groups carry two different labels")
    assert told["test split"].startswith(
        "259 of 394 images also stand on the training side: 251 pixel by pixel, 8 look"
    )
    assert told["edition"].startswith("first version")
    assert told["unreadable"] == "none"
    assert told["sizes in px"].startswith("2,341 of 512x512")
    assert "differs" not in "".join(told)
