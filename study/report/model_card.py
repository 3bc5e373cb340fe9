"""A page on each winner for whoever uses its weights (Mitchell et al., Model Cards for Model Reporting, FAT* 2019)."""

from study.evaluation.per_class import CLASS_METRICS, class_metric
from study.records import SPLITS, TEST, TUNED
from study.report.core.analysis import ENSEMBLE, Analysis
from study.report.core.markdown import bullets, join, table, value
from study.report.core.naming import card_name, label
from study.report.core.study_run import Run
from study.report.core.verdict import shift_warning
from study.report.overview.summary import date, opening
from study.wording import counted, fraction, listing, percent

_SHOWN = {
    "ROC-AUC": "roc_auc",
    "Average precision": "average_precision",
    "Accuracy": "accuracy",
    "Balanced accuracy": "balanced_accuracy",
}
_HASH_DIGITS = 12


def model_cards(run: Run, analysis: Analysis) -> dict[str, str]:
    """File name -> page, for each architecture whose tuned recipe was tested."""
    return {card_name(pair): _card(run, analysis, pair) for pair in run.tested}


def _card(run: Run, analysis: Analysis, pair: str) -> str:
    manifest = run.manifest
    study = f"[{manifest.title}](../{run.name}.md)"
    commit = f", commit `{manifest.commit[:_HASH_DIGITS]}`" if manifest.commit else ""
    return join(
        [
            f"# Model card: {label(run, pair)}",
            *opening(run),
            f"The winner of this architecture in the study {study} of {date(run)}, program version "
            f"{manifest.versions['study']}{commit}; in the form of Mitchell et al. 2019.",
            "## Model",
            bullets(_model(run, pair)),
            "## Intended use",
            bullets(_use(run)),
            "## Data",
            bullets(_data(run)),
            "## Metrics",
            "On the test split, with 95 % intervals: one seed run, in the mean over all of them, and their ensemble.",
            _metrics(run, analysis, pair),
            "Each class against all others, one seed run in the mean.",
            _classes(run, analysis, pair),
            "## Limits",
            bullets(_limits(run, analysis, pair)),
            "## Files",
            "The weights of the seed runs, in the folder of the records.",
            _files(run, pair),
        ]
    )


def _model(run: Run, pair: str) -> list[str]:
    declared, size = run.manifest.pairs[pair], run.manifest.image_sizes[pair]
    finalist = run.state.finalist(pair)
    recipe = (finalist.recipe if finalist else declared.recipe).hyperparameters()
    used = [name for name in recipe if name in declared.uses or name in run.manifest.space.get(pair, {})]
    parameters = run.num_parameters(pair)
    named = [f'"{name}"' for name in run.classes]
    return [
        f"{declared.title or pair}{f', {parameters:,} parameters' if parameters else ''}; in: an image, resized to "
        f"{size} x {size} px; out: a probability for each of {listing(named)}.",
        f"Trained from {f'`{declared.weights.source}`' if declared.weights else 'random weights'} for up to "
        f"{counted(run.manifest.budget.epochs, 'epoch')}; the epoch with the best val {run.objective.words} is kept.",
        f"Recipe: {', '.join(f'{name} {value(recipe[name])}' for name in used)}.",
    ]


def _use(run: Run) -> list[str]:
    return [
        "For research: to compare networks, and ways to search for their recipes, on this data set.",
        "Not for patients: it is no medical device, and no threshold was chosen by what a mistake costs.",
        f"Not for images that differ from the data set's ({run.manifest.dataset.modality}) in source or kind.",
    ]


def _data(run: Run) -> list[str]:
    dataset = run.manifest.dataset
    counts = {split: run.images(split) for split in SPLITS}
    each = [
        f"{sum(of.values()):,} {split} ({', '.join(f'{name} {n:,}' for name, n in of.items())})"
        for split, of in counts.items()
    ]
    return [
        f"{dataset.title}, {dataset.source}; licence: {dataset.licence}.",
        f"Images: {listing(each)}; data `{run.manifest.data_hash[:_HASH_DIGITS]}`, split "
        f"`{run.manifest.split_hash[:_HASH_DIGITS]}`.",
    ]


def _metrics(run: Run, analysis: Analysis, pair: str) -> str:
    columns = [analysis.values(pair, recipe, TEST) for recipe in (TUNED, ENSEMBLE)]
    rows = [
        [title, *((fraction if name in ("roc_auc", "average_precision") else percent)(each[name]) for each in columns)]
        for title, name in _SHOWN.items()
    ]
    number = counted(len(run.tested[pair].numbers), "seed run")
    return table(["Metric", "One of them", f"Ensemble of {number}"], rows)


def _classes(run: Run, analysis: Analysis, pair: str) -> str:
    # With two classes, the other one's row would say the same again.
    shown = run.classes[1:] if len(run.classes) == 2 else run.classes
    rows = [
        [name, *(percent(analysis.by_class[pair][class_metric(m, run.classes.index(name))]) for m in CLASS_METRICS)]
        for name in shown
    ]
    return table(["Class", "Sensitivity", "Specificity", "PPV", "NPV"], rows)


def _limits(run: Run, analysis: Analysis, pair: str) -> list[str]:
    fall = shift_warning({pair: analysis.shifts[pair]}, run.objective) if pair in analysis.shifts else ""
    meaning = run.manifest.dataset.group_meaning
    together = (
        f"Images of one {meaning} were kept together." if meaning else "Which images are of one patient is unknown."
    )
    return [
        *([fall] if fall else []),
        f"No other data set was scored. {together}",
        "How it does for groups of patients (age, sex, scanner, hospital) is unknown: the records name none.",
        f'Probabilities are as trained; how far to believe them is in the report under "Are the probabilities to be '
        f'believed?" ({run.name}.md).',
    ]


def _files(run: Run, pair: str) -> str:
    rows = []
    for trial in run.completed_seed_runs(pair, TUNED):
        name = f"weights/{trial.id}.pt"
        # A log of version 0.1.0 knows no hashes.
        digest = trial.result.get("files", {}).get(name, "")
        rows.append([f"`{name}`", str(trial.seed), f"`{digest[:_HASH_DIGITS]}`" if digest else "not recorded"])
    return table(["File", "Seed", "sha256"], rows)
