"""No image, copy or group stands in two splits, and the same contents are always split alike."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.datasets import DEVELOPMENT, TEST, Sample
from study.datasets.images import splits
from study.errors import DataError

CLASSES = ("benign", "early", "late")
VAL_FRACTION = 0.15

Case = tuple[list[Sample], list[str]]


def digest(content: object) -> str:
    return sha256(str(content).encode()).hexdigest()


def single_images(counts: Sequence[int], side: str = DEVELOPMENT, prefix: str = "") -> Case:
    """So many different images of each class."""
    samples = [
        Sample(f"{prefix}{side}/{target}/{i}.png", side, target) for target, n in enumerate(counts) for i in range(n)
    ]
    return samples, [digest(s.path) for s in samples]


def split(case: Case, *, val_fraction: float = VAL_FRACTION, seed: int = 0) -> pd.DataFrame:
    return splits.split(*case, classes=CLASSES, val_fraction=val_fraction, seed=seed)


def counts_in(table: pd.DataFrame, name: str) -> list[int]:
    return [int(((table["split"] == name) & (table["target"] == t)).sum()) for t in range(len(CLASSES))]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Images with copies, declared groups and perhaps an official test split."""
    num_images = draw(st.integers(12, 60))
    has_test = draw(st.booleans())
    rng = random.Random(draw(st.integers(0, 10**6)))
    num_contents = rng.randint(num_images // 2, 2 * num_images)
    samples, hashes = [], []
    for i in range(num_images):
        side = TEST if has_test and rng.random() < 0.3 else DEVELOPMENT
        group = f"patient {rng.randint(0, 30)}" if rng.random() < 0.3 else ""
        samples.append(Sample(f"{side}/{i:03}.png", side, i % len(CLASSES), group))
        hashes.append(digest(rng.randint(0, num_contents)))
    return samples, hashes


def split_or_reject(case: Case, *, seed: int = 0) -> pd.DataFrame | None:
    """None where a class is refused as too small to be split."""
    try:
        return split(case, seed=seed)
    except DataError:
        return None


@settings(max_examples=80)
@given(cases(), st.integers(0, 3))
def test_every_image_is_in_one_split_and_every_class_in_every_split(case: Case, seed: int) -> None:
    table = split_or_reject(case, seed=seed)
    if table is None:
        return
    assert sorted(table["path"]) == sorted(s.path for s in case[0])
    assert set(table["split"]) <= {*splits.SPLITS, splits.LEFT_OUT}
    for name in splits.SPLITS:
        assert min(counts_in(table, name)) >= 1
    assert ((table["split"] == splits.LEFT_OUT) == (table["reason"] != "")).all()


@settings(max_examples=80)
@given(cases(), st.integers(0, 3))
def test_a_group_never_spans_two_splits(case: Case, seed: int) -> None:
    table = split_or_reject(case, seed=seed)
    if table is None:
        return
    group_of = {s.path: s.group for s in case[0]}
    table["declared"] = table["path"].map(group_of)
    used = table[table["split"] != splits.LEFT_OUT]
    for column in ("sha256", "group"):
        assert used.groupby(column)["split"].nunique().max() == 1
    declared = used[used["declared"] != ""]
    assert declared.empty or declared.groupby("declared")["split"].nunique().max() == 1


@settings(max_examples=80)
@given(cases(), st.data())
def test_images_that_look_alike_stay_in_one_split_however_they_are_chained(case: Case, data: st.DataObject) -> None:
    row = st.integers(0, len(case[0]) - 1)
    links = data.draw(st.lists(st.tuples(row, row).filter(lambda pair: pair[0] < pair[1]), max_size=15))
    try:
        table = splits.split(*case, classes=CLASSES, val_fraction=VAL_FRACTION, seed=0, links=dict.fromkeys(links, 0.9))
    except DataError:
        return
    split_of = dict(zip(table["path"], table["split"], strict=True))
    for first, second in links:
        names = {split_of[case[0][i].path] for i in (first, second)} - {splits.LEFT_OUT}
        assert len(names) <= 1
    left_out = table[table["split"] == splits.LEFT_OUT]
    assert (left_out["twin"].map(split_of) == splits.TEST).all()
    assert (table.loc[table["split"] != splits.LEFT_OUT, "twin"] == "").all()


def test_what_was_left_out_says_why_and_for_which_test_image() -> None:
    samples, hashes = single_images([10, 10, 10])
    tested, test_hashes = single_images([3, 3, 3], TEST)
    samples, hashes = [*samples, *tested], [*hashes, *test_hashes]
    samples[1] = replace(samples[1], group="patient 1")
    samples[31] = replace(samples[31], group="patient 1")
    hashes[0] = hashes[30]
    # The third looks like a test image, the fourth like the third.
    table = splits.split(
        samples, hashes, classes=CLASSES, val_fraction=VAL_FRACTION, seed=0, links={(2, 32): 0.97, (2, 3): 0.99}
    ).set_index("path")
    said = [tuple(table.loc[samples[i].path, ["reason", "twin"]]) for i in range(4)]
    assert said == [
        ("stands in the test split too", samples[30].path),
        ("belongs to a group that stands in the test split", samples[31].path),
        ("looks like an image of the test split", samples[32].path),
        ("is tied to the test split by other images", samples[32].path),
    ]
    likeness = table.loc[[sample.path for sample in samples[:4]], "likeness"]
    assert likeness[samples[2].path] == 0.97
    assert likeness.count() == 1


def test_what_likeness_alone_ties_is_told_from_what_belongs_together_anyway() -> None:
    samples = [Sample(f"{i}.png", DEVELOPMENT, 0, group) for i, group in enumerate(["p", "p", "", "", "", "q", "q"])]
    contents = ["a", "b", "c", "d", "d", "e", "f"]
    # A link within a patient ties nothing; that of a patient to a copied picture ties that picture's two files.
    assert splits.tied_by_likeness(samples, contents, {(0, 1): 0.9, (1, 3): 0.9}) == [[[0, 1], [3, 4]]]
    assert splits.tied_by_likeness(samples, contents, {}) == []


def test_look_alikes_are_counted_apart_from_equal_pixels() -> None:
    sides = [DEVELOPMENT] * 5 + [TEST] * 3
    samples = [Sample(f"{i}.png", side, target=int(i == 3)) for i, side in enumerate(sides)]
    contents = ["a", "a", "b", "c", "d", "a", "e", "f"]
    # b and c look alike, but have two labels; e looks like a, of which the test split has a copy as well.
    assert splits.look_alike_counts(samples, contents, {(2, 3): 0.9, (0, 6): 0.9}) == {
        "links": 2,
        "groups": 2,
        "groups_of_two_labels": 1,
        "extra_pictures": 2,
        "spanning_test": 1,
    }


@settings(max_examples=80)
@given(cases(), st.integers(0, 3))
def test_more_than_its_share_of_a_class_is_taken_only_for_a_class_that_would_have_none(case: Case, seed: int) -> None:
    table = split_or_reject(case, seed=seed)
    if table is None:
        return
    drawn = [] if any(s.side == TEST for s in case[0]) else [(splits.TEST, Fraction(15, 100), [splits.VAL])]
    for name, fraction, others in [*drawn, (splits.VAL, Fraction(str(VAL_FRACTION)), [])]:
        taken, rest = counts_in(table, name), counts_in(table, splits.TRAIN)
        for t, count in enumerate(taken):
            total = count + rest[t] + sum(counts_in(table, other)[t] for other in others)
            if count > max(1, round(fraction * total)):
                part = table[table["split"] == name]
                left = [part.loc[part["group"] != group, "target"].nunique() for group in part["group"].unique()]
                assert min(left) < part["target"].nunique()


@settings(max_examples=60)
@given(cases(), st.randoms(use_true_random=False))
def test_the_split_depends_on_contents_not_on_the_order_or_names_of_files(case: Case, rng: random.Random) -> None:
    table = split_or_reject(case)
    order = list(range(len(case[0])))
    rng.shuffle(order)
    renamed = [
        replace(s, path=f"{s.side}/{rng.random()}.png", group=s.group and f"renamed {s.group}")
        for s in (case[0][i] for i in order)
    ]
    again = split_or_reject((renamed, [case[1][i] for i in order]))
    if table is None or again is None:
        assert table is again
        return
    assert Counter(zip(table["sha256"], table["target"], table["split"], strict=True)) == Counter(
        zip(again["sha256"], again["target"], again["split"], strict=True)
    )
    assert splits.split_hash(table) == splits.split_hash(again)


@settings(max_examples=60)
@given(st.lists(st.integers(5, 60), min_size=3, max_size=3), st.sampled_from([0.1, 0.15, 0.29, 0.5]))
def test_split_sizes_are_exact_shares_of_each_class_when_no_image_has_a_twin(counts: list[int], val: float) -> None:
    table = split(single_images(counts), val_fraction=val)
    num_test = [max(1, round(Fraction(15, 100) * n)) for n in counts]
    num_val = [max(1, round(Fraction(str(val)) * (n - t))) for n, t in zip(counts, num_test, strict=True)]
    assert counts_in(table, splits.TEST) == num_test
    assert counts_in(table, splits.VAL) == num_val
    assert counts_in(table, splits.TRAIN) == [n - t - v for n, t, v in zip(counts, num_test, num_val, strict=True)]


def test_an_official_test_split_is_kept_as_it_is_and_val_is_taken_from_the_rest() -> None:
    development, test = single_images([40, 20, 20]), single_images([5, 4, 3], TEST)
    table = split((development[0] + test[0], development[1] + test[1]))
    assert counts_in(table, splits.TEST) == [5, 4, 3]
    assert counts_in(table, splits.VAL) == [6, 3, 3]
    assert set(table.loc[table["split"] == splits.TEST, "path"]) == {s.path for s in test[0]}


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    case = single_images([40, 40, 40])
    hashes = [splits.split_hash(split(case, seed=seed)) for seed in (0, 1, 2, 0)]
    assert hashes[0] == hashes[3]
    assert len(set(hashes)) == 3


def test_development_images_that_stand_in_the_test_split_too_are_left_out_with_the_reason() -> None:
    development, test = single_images([20, 20, 20]), single_images([4, 4, 4], TEST)
    leaked = [development[1][0], development[1][25]]
    table = split((development[0] + test[0], development[1] + [*leaked, *test[1][2:]]))
    left_out = table[table["split"] == splits.LEFT_OUT]
    assert set(left_out["sha256"]) == set(leaked)
    assert set(left_out["path"]) == {development[0][0].path, development[0][25].path}
    assert set(left_out["reason"]) == {"stands in the test split too"}
    assert (table["split"] == splits.TEST).sum() == 12


def test_a_whole_declared_group_is_left_out_when_one_of_its_images_is_in_the_test_split() -> None:
    development, test = single_images([20, 20, 20]), single_images([4, 4, 4], TEST)
    samples = [replace(s, group="patient 7") if i < 5 else s for i, s in enumerate(development[0])]
    samples += [replace(test[0][0], group="patient 7"), *test[0][1:]]
    table = split((samples, development[1] + test[1]))
    assert set(table.loc[table["split"] == splits.LEFT_OUT, "path"]) == {s.path for s in samples[:5]}


def test_copies_join_the_declared_groups_that_they_stand_in() -> None:
    samples, hashes = single_images([30, 30, 30])
    # Image 0 of patient a, image 1 of patient b and image 2 without patient have one content: one group of six.
    samples = [replace(s, group={0: "a", 3: "a", 1: "b", 4: "b"}.get(i, "")) for i, s in enumerate(samples)]
    hashes[1] = hashes[2] = hashes[0]
    for seed in range(10):
        table = split((samples, hashes), seed=seed)
        joined = table[table["path"].isin([samples[i].path for i in range(5)])]
        assert joined["group"].nunique() == 1
        assert joined["split"].nunique() == 1


def test_sizes_stay_below_the_share_where_groups_do_not_fit() -> None:
    samples, hashes = single_images([40, 40, 40])
    samples = [replace(s, group=f"{s.target} {i // 4}") for i, s in enumerate(samples)]
    table = split((samples, hashes), val_fraction=0.15)
    # 6 of 40 are test, then 5 of the rest val: one group of four fits into each.
    assert counts_in(table, splits.TEST) == counts_in(table, splits.VAL) == [4, 4, 4]


def test_few_patients_with_many_images_each_give_one_patient_of_a_class_to_each_split() -> None:
    samples, hashes = single_images([75, 75, 75])
    samples = [replace(s, group=f"{s.target} {i % 5}") for i, s in enumerate(samples)]
    for seed in range(5):
        table = split((samples, hashes), val_fraction=0.15, seed=seed)
        for name in (splits.TEST, splits.VAL):
            part = table[table["split"] == name]
            assert part.groupby("target")["group"].nunique().tolist() == [1, 1, 1]
        assert all(counts_in(table, splits.TRAIN))


@pytest.mark.parametrize("num_images", [0, 1, 2])
def test_a_class_with_fewer_than_three_images_is_refused_by_name_and_count(num_images: int) -> None:
    with pytest.raises(DataError, match=rf"at least 3 images.*'early' has {num_images}\b"):
        split(single_images([10, num_images, 10]))


def test_three_images_of_a_class_suffice() -> None:
    table = split(single_images([3, 3, 3]))
    assert [counts_in(table, name) for name in splits.SPLITS] == [[1, 1, 1]] * 3


def test_a_class_that_is_one_single_group_is_refused_by_name() -> None:
    samples, hashes = single_images([20, 20, 20])
    samples = [replace(s, group="one patient") if s.target == 2 else s for s in samples]
    with pytest.raises(DataError, match=r"'late' has none in (test|val): its images form too few groups"):
        split((samples, hashes))


def test_a_class_that_the_official_test_split_lacks_is_refused_by_name() -> None:
    development, test = single_images([9, 9, 9]), single_images([3, 3, 0], TEST)
    with pytest.raises(DataError, match="'late' has none in test: there is none where that split's images were given"):
        split((development[0] + test[0], development[1] + test[1]))


def test_a_class_whose_patients_stand_in_several_given_splits_is_refused_with_how_to_mend_it() -> None:
    development, test = single_images([9, 9, 9]), single_images([3, 3, 3], TEST)
    samples = [replace(s, group="a patient") if s.target == 2 else s for s in (*development[0], *test[0])]
    with pytest.raises(DataError, match=r"'late' has none in train: 9 of its images were left out.*into one split"):
        split((samples, development[1] + test[1]))


def test_the_split_hash_changes_with_a_label_or_a_split_but_not_with_the_order_of_rows() -> None:
    table = split(single_images([20, 20, 20]))
    original = splits.split_hash(table)
    assert splits.split_hash(table.sample(frac=1, random_state=1)) == original
    for column, value in (("target", (int(table["target"].iloc[0]) + 1) % 3), ("split", splits.LEFT_OUT)):
        changed = table.copy()
        changed.loc[0, column] = value
        assert splits.split_hash(changed) != original
    val_row = table.index[table["split"] == splits.VAL][0]
    moved = table.copy()
    moved.loc[val_row, "split"] = splits.TRAIN
    assert splits.split_hash(moved) != original
    assert splits.split_hash(moved, [splits.TEST]) == splits.split_hash(table, [splits.TEST])


def test_duplicates_are_counted_by_copies_groups_and_leaks() -> None:
    sides = [DEVELOPMENT] * 6 + [TEST] * 4
    targets = [0, 0, 0, 1, 1, 0, 0, 0, 1, 1]
    contents = ["a", "a", "a", "b", "c", "c", "a", "a", "b", "d"]
    samples = [Sample(f"{i}.png", s, t) for i, (s, t) in enumerate(zip(sides, targets, strict=True))]
    assert splits.duplicate_counts(samples, contents) == {
        "extra_copies": 6,
        "groups": 3,
        "groups_spanning_test": 2,
        "spanning_test": 3,
        "groups_of_two_labels": 1,
    }


def test_class_counts_are_by_split_and_class_name() -> None:
    table = split(single_images([20, 40, 60]))
    counts = splits.class_counts(table, CLASSES)
    assert counts == {name: dict(zip(CLASSES, counts_in(table, name), strict=True)) for name in splits.SPLITS}
    assert [sum(counts[s][c] for s in counts) for c in CLASSES] == [20, 40, 60]
