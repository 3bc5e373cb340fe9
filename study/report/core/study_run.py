"""Reads a run's records: the replayed event log and the predictions of its seed runs."""

from dataclasses import dataclass

import pandas as pd

from study import parts, selection
from study.datasets.images import groups
from study.evaluation.metrics import METRICS
from study.records import (
    COMPLETE,
    DOCUMENT,
    FAILED,
    RUNNING,
    SEARCH,
    TUNED,
    Explanations,
    Manifest,
    Objective,
    Predictions,
    PredictionSet,
    RunFolder,
    StudyState,
    Trial,
    load_run,
    read_explanations,
    read_predictions,
    require_whole_predictions,
)
from study.wording import listing


@dataclass(frozen=True)
class Run:
    """Everything that a report is drawn from.

    Attributes:
        name: of the run, e.g. "her2_binary-standin".
        state: the replayed event log.
        predictions: what the seed runs answered.
        left_out: columns path, reason, twin, likeness of the images that were left out; None where there are none.
        left_out_png: some of them beside their twins; b"" where there are none.
        explanations: images, maps and times that were recorded after test; None where there are none (yet).
        unexplained: why they could not be had; "" where they could, or where nobody has tried.
    """

    name: str
    state: StudyState
    predictions: PredictionSet
    left_out: pd.DataFrame | None = None
    left_out_png: bytes = b""
    explanations: Explanations | None = None
    unexplained: str = ""

    @property
    def manifest(self) -> Manifest:
        return self.state.manifest

    @property
    def objective(self) -> Objective:
        """What the study chooses by."""
        return self.state.objective

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that the report shows: the usual ones, what the study chooses by, and those of a user's own."""
        return tuple(dict.fromkeys([*METRICS, self.objective.name, *self.manifest.metrics]))

    @property
    def classes(self) -> list[str]:
        return list(self.manifest.dataset.classes)

    @property
    def is_ordinal(self) -> bool:
        """Whether the classes are in an order, as scores are; runs of earlier versions don't say."""
        return self.manifest.dataset.ordinal

    @property
    def pairs(self) -> list[str]:
        return list(self.manifest.pairs)

    @property
    def tested(self) -> dict[str, Predictions]:
        """Architecture -> its tuned recipe's answers to test, in the order of the architectures; {} before test."""
        return selection.answers_to_test(self.predictions)

    @property
    def is_tested(self) -> bool:
        """Whether the test split was opened and at least one tuned recipe's answers to it are there."""
        return bool(self.tested)

    @property
    def unchanged(self) -> list[str]:
        """The architectures for which the starting recipe (trial 0) itself won the search."""
        finalists = {pair: self.state.finalist(pair) for pair in self.pairs}
        return [pair for pair, trial in finalists.items() if trial is not None and trial.number == 0]

    @property
    def from_scratch(self) -> dict[str, str]:
        """Architecture whose recipe wanted it pretrained -> why it was trained from scratch."""
        return dict(self.manifest.from_scratch)

    def is_reference(self, pair: str) -> bool:
        """Whether the document doesn't have this network: it starts from its own default recipe."""
        return self.manifest.pairs[pair].reference

    def has_documents_recipe(self, pair: str) -> bool:
        """Whether trial 0 is the document's recipe as it stands, with the weights that it wants."""
        # Weights that it doesn't name make it another recipe, as does the lack of those that it does.
        other_weights = {*self.from_scratch, *self.manifest.given_weights}
        return bool(self.manifest.document) and not self.is_reference(pair) and pair not in other_weights

    def search(self, pair: str) -> list[Trial]:
        return self.state.of_kind(SEARCH, pair)

    def trained_again(self, pair: str) -> tuple[str, ...]:
        """The recipes of a pair that have seed runs of their own; the starting one alone, if it won the search."""
        return (DOCUMENT,) if pair in self.unchanged else (TUNED, DOCUMENT)

    def seed_runs(self, pair: str, recipe_name: str) -> list[Trial]:
        return self.state.seed_runs(pair, recipe_name)

    def completed_seed_runs(self, pair: str, recipe_name: str) -> list[Trial]:
        return [t for t in self.seed_runs(pair, recipe_name) if t.state == COMPLETE]

    def num_parameters(self, pair: str) -> int | None:
        """Of the winner: dense units and kernels may differ from the starting recipe's; None where no record tells."""
        finalist = self.state.finalist(pair)
        own = finalist.result.get("num_parameters") if finalist else None
        found = own or self.manifest.pairs[pair].num_parameters
        return int(found) if found else None

    def images(self, split: str) -> dict[str, int]:
        """Class -> number of images, in the order of the classes."""
        counts = self.manifest.counts.get(split, {})
        return {name: int(counts.get(name, 0)) for name in self.classes}


def load(folder: RunFolder) -> Run:
    """Reads a run from its folder.

    Raises:
        ResultsError: there is no run there, or its records are damaged.
    """
    state = load_run(folder)
    parts.give_kept(folder.parts, state.manifest.parts, (parts.METRIC, parts.SECTION))
    require_whole_predictions(folder, state)
    explanations, unexplained = _explanations(folder, state)
    png = folder.left_out.read_bytes() if folder.left_out.exists() else b""
    return Run(
        name=folder.root.name,
        state=state,
        predictions=read_predictions(folder, state),
        left_out=_left_out(folder),
        left_out_png=png,
        explanations=explanations,
        unexplained=unexplained,
    )


def siblings(folder: RunFolder, run: Run) -> dict[str, Run]:
    """Grouping -> the run of the same study on the same images under it, for those that are finished."""
    own = run.manifest.groups or groups.DEFAULT
    base = run.name.removesuffix(f"-{own}")
    found = {}
    for way in groups.WAYS:
        other = RunFolder(folder.root.with_name(base if way == groups.DEFAULT else f"{base}-{way}"))
        if way != own and other.events.exists():
            sibling = load(other)
            if sibling.state.finished and sibling.manifest.data_hash == run.manifest.data_hash:
                found[way] = sibling
    return found


def _explanations(folder: RunFolder, state: StudyState) -> tuple[Explanations | None, str]:
    """What was recorded, or why it can't be had: no score depends on it, so the report is drawn without."""
    explained = state.explained
    if explained is None or explained.state == RUNNING:
        return None, ""
    if explained.state == FAILED:
        return None, str(explained.result["reason"])
    if damaged := folder.damaged(explained.result["files"]):
        return None, f"{listing(damaged)} is missing or not what it was when it was written"
    return read_explanations(folder.explanations), ""


def _left_out(folder: RunFolder) -> pd.DataFrame | None:
    if not folder.splits.exists():
        return None
    table = pd.read_csv(folder.splits, dtype=str, keep_default_na=False)
    # A run of version 0.1.0 knows no twins.
    if "twin" not in table:
        return None
    # Nor does an earlier version know how alike they are.
    columns = [name for name in ("path", "reason", "twin", "likeness") if name in table]
    rows = table.loc[table["split"] == "left_out", columns]
    return rows if len(rows) else None
