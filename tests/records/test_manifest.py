"""The manifest on disk: all versions' are read, and what is read is written again."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import manifest_json, pair_json

from study.errors import ResultsError
from study.records import Manifest
from study.spec import Recipe

Path = tuple[str, ...]
# What some version before this one didn't record.
LATER: Sequence[Path] = [
    *((name,) for name in ("names_hash", "test_hash", "given_splits", "likeness", "skipped", "given_weights")),
    *((name,) for name in ("opened_before", "groups", "holdout", "appearance", "precision")),
    *(("dataset", name) for name in ("ordinal", "trimmed", "window", "expected", "group_meaning", "ungrouped")),
    *(("pairs", "lenet", name) for name in ("document_epochs", "weights", "num_parameters", "reference", "cam_layer")),
    *(("duplicates", f"look_alike_{name}") for name in ("links", "groups", "doubtful", "groups_of_two_labels")),
    ("budget", "audit"),
    ("budget", "image_size"),
    ("machine", "device"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def without(values: dict[str, Any], *paths: Path) -> dict[str, Any]:
    values = copy.deepcopy(values)
    for *outer, name in paths:
        inner = values
        for each in outer:
            inner = inner[each]
        del inner[name]
    return values


def test_a_manifest_is_written_as_it_was_read() -> None:
    values = manifest_json()
    assert Manifest.from_json(values).to_json() == values
    assert json.loads(json.dumps(Manifest.from_json(values).to_json())) == values


@pytest.mark.parametrize("path", LATER, ids=".".join)
def test_what_an_earlier_version_did_not_record_is_read_as_its_default_and_not_written(path: Path) -> None:
    values = without(manifest_json(), path)
    manifest = Manifest.from_json(values)
    assert manifest.to_json() == values
    assert manifest != Manifest.from_json(manifest_json())


@given(st.lists(st.sampled_from(LATER), unique=True))
def test_a_manifest_of_any_earlier_version_is_written_as_it_was_read(paths: list[Path]) -> None:
    values = without(manifest_json(), *paths)
    assert Manifest.from_json(values).to_json() == values


@given(st.dictionaries(st.text().map("later {}".format), JSON, max_size=3))
def test_what_a_later_version_recorded_is_kept(later: dict[str, Any]) -> None:
    values = manifest_json(pairs={"lenet": pair_json(**later)}, **later)
    assert Manifest.from_json(values).to_json() == values


def test_a_field_that_is_given_a_value_is_written_though_it_was_not_read() -> None:
    old = Manifest.from_json(without(manifest_json(), ("precision",)))
    assert replace(old, precision="float32").to_json() == manifest_json(precision="float32")


@pytest.mark.parametrize("name", sorted({*manifest_json()} - {path[0] for path in LATER if len(path) == 1} - {"slots"}))
def test_a_manifest_that_lacks_what_all_versions_record_is_refused(name: str) -> None:
    with pytest.raises(ResultsError, match=f"must hold '{name}' in their Manifest"):
        Manifest.from_json(without(manifest_json(), (name,)))


def test_a_damaged_value_is_refused() -> None:
    for damaged in ({"pairs": 3}, {"budget": {"trials": 0, "epochs": 1, "seeds": 1}}, {"notes": None}):
        with pytest.raises(ResultsError, match=r"Restore events\.jsonl"):
            Manifest.from_json(manifest_json(**damaged))


def test_a_recipe_of_an_earlier_version_has_the_defaults_of_what_it_lacks() -> None:
    pair = pair_json(recipe={"lr": 0.5})
    assert Manifest.from_json(manifest_json(pairs={"lenet": pair})).pairs["lenet"].recipe == Recipe(lr=0.5)


def test_a_recipe_of_a_later_version_is_refused_in_one_sentence() -> None:
    pair = pair_json(recipe={"lr": 0.5, "mixup": 0.2})
    with pytest.raises(ResultsError, match=r"^A recorded recipe must have .* but one has 'mixup', [^.]*\.$"):
        Manifest.from_json(manifest_json(pairs={"lenet": pair}))
