"""What a paper on this study has to report: the items of CLAIM 2024 that the records answer, and those that are left.

Tejani, Klontzas, Gatti et al., Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 Update,
Radiology: Artificial Intelligence 6 (2024) e240300. The topics are in our own words.
"""

from typing import NamedTuple

from study.records import SPLITS, TEST, TUNED
from study.report.core.analysis import Analysis
from study.report.core.markdown import join, table
from study.report.core.naming import starting_recipe
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.data.flow import left_out, num_groups
from study.report.data.leakage import kept_together
from study.report.overview.summary import opened_before, question
from study.report.sections.method import splits
from study.wording import counted, fraction, image_sizes, listing, percent

NUM_ITEMS = 44

# Topic -> its items, which no record answers.
_LEFT = {
    "background and intended role": (3,),
    "de-identification": (11,),
    "acquisition of the images": (13,),
    "the reference standard: how and why it was chosen, who annotated, how the test images were, how well annotators "
    "agree": (14, 15, 16, 17, 18),
    "explanations of single answers": (31,),
    "registration of a trial": (34,),
    "characteristics of the patients": (36,),
    "meaning for practice": (41,),
    "funding": (44,),
}


class Item(NamedTuple):
    """An item of the checklist: its number, what it asks for, and what the records say."""

    number: int
    topic: str
    answer: str


def _render(context: Context) -> str:
    run, analysis = context.run, context.analysis
    if not run.is_tested:
        return ""
    items = [*_aims(run), *_data(run), *_model(run), *_evaluation(run, analysis), *_results(run, analysis)]
    rows = [[str(item.number), item.topic, item.answer] for item in sorted(items)]
    return join(
        [
            f"What to see: the records answer {len(items)} of the {NUM_ITEMS} items of the Checklist for Artificial "
            "Intelligence in Medical Imaging (Tejani, Klontzas et al. 2024), here in our own words.",
            table(["Item", "Topic", "In this study"], rows, left=3),
            f"Left for the author, since no record tells: {_left({item.number for item in items})}; beside the "
            "checklist, the clinical setting and the approval of an ethics committee.",
        ]
    )


def _left(answered: set[int]) -> str:
    """`funding (44)`: what is left, with the first and last of its items."""
    left = {topic: items for topic, items in _LEFT.items() if answered.isdisjoint(items)}
    return listing([f"{topic} ({' to '.join(map(str, sorted({n[0], n[-1]})))})" for topic, n in left.items()])


def _aims(run: Run) -> list[Item]:
    equal = f"{counted(run.manifest.budget.trials, 'trial')} each" if len(run.pairs) > 1 else ""
    goal = f"to compare {len(run.pairs)} networks after equal searches, {equal}" if equal else "to tune one network"
    design = "none: drawn images" if run.manifest.stand_in else "retrospective: images from before the study"
    return [
        Item(1, "Kind of AI", f"deep neural networks that classify images: {listing(run.pairs)}"),
        Item(2, "Summary", "question, verdict and result table at the top"),
        Item(4, "Aim", question(run).removeprefix("*Question.* ")),
        Item(5, "Design in time", design),
        Item(6, "Goal", goal),
    ]


def _data(run: Run) -> list[Item]:
    dataset, lost = run.manifest.dataset, left_out(run)
    trimmed = "dark margins cut away, then " if dataset.trimmed else ""
    reasons = [f"{number:,} ({reason})" for reason, number in lost.items() if number]
    sizes = image_sizes(run.manifest.image_sizes, both_sides=True)
    counts = {split: sum(run.images(split).values()) for split in SPLITS}
    test = f"all {counts[TEST]:,} test images that there are"
    return [
        Item(7, "Sources", f"{dataset.title}: {dataset.source}"),
        Item(8, "Criteria", f"all images of the data set but {listing(reasons)}" if reasons else "all images"),
        Item(9, "Preprocessing", f"{trimmed}resized to {sizes}; augmentation is part of the recipes"),
        Item(10, "Selected parts", f"none: whole images, all of {len(run.classes)} classes"),
        Item(
            12, "Missing data", f"{counted(next(iter(lost.values())), 'unreadable or bad file')}; nothing was imputed"
        ),
        Item(19, "Partitions", f"{listing([f'{n:,} {s}' for s, n in counts.items()])}; {splits(run)}"),
        Item(20, "Level of separation", f"{kept_together(run)} {_patients(run)}"),
        Item(21, "Sample size", f"{test} ({num_groups(run, TEST):,} groups); none was computed in advance"),
    ]


def _patients(run: Run) -> str:
    meaning = run.manifest.dataset.group_meaning
    return f"So do those of one {meaning}." if meaning else "Which images are of one patient is unknown."


def _model(run: Run) -> list[Item]:
    budget, manifest = run.manifest.budget, run.manifest
    sizes = [f"{pair} {n:,}" for pair in run.pairs if (n := run.num_parameters(pair))]
    weights = {pair: manifest.pairs[pair].weights for pair in run.pairs}
    started = [f"{pair} from {each.source}" for pair, each in weights.items() if each]
    versions = [f"{name} {version}" for name, version in manifest.versions.items()]
    seeds = counted(budget.seeds, "seed run")
    extreme = "highest" if run.objective.greater_is_better else "lowest"
    return [
        Item(22, "Model", f"parameters: {listing(sizes)}; layers in `study/architectures/`"),
        Item(23, "Software", listing(versions)),
        Item(24, "Initialization", f"{'; '.join(started)}; else random" if started else "random, new in each seed run"),
        Item(
            25,
            "Training",
            f"recipes under Finalists; {counted(budget.trials, 'trial')} a pair, up to "
            f"{counted(budget.epochs, 'epoch')}, then {seeds}",
        ),
        Item(
            26,
            "Selection",
            f"{extreme} val {run.objective.words}, then lowest val loss; the best epoch on val of each run",
        ),
        Item(27, "Ensembles", f"mean probability of {seeds}, in rows of their own"),
    ]


def _evaluation(run: Run, analysis: Analysis) -> list[Item]:
    compared = (
        f"; between networks {100 * analysis.level:.1f} % each" if analysis.differences[run.objective.name] else ""
    )
    earlier = opened_before(run)
    why = ", since it needs no threshold" if run.objective.name == "roc_auc" else ", as the study declares"
    return [
        Item(28, "Metrics", f"those of the result table; {run.objective.words} decides{why}"),
        Item(
            29,
            "Uncertainty",
            f"95 % intervals from resampled groups of images and the spread of seeds, by each score's cases{compared}",
        ),
        Item(
            30, "Robustness", f"other seeds, the {starting_recipe(run, run.pairs)}; other groupings, if run, under Data"
        ),
        *_explanations(run),
        Item(32, "Internal data", f"val chose; test was scored once, at the end{f'. {earlier}' if earlier else ''}"),
        Item(33, "External data", "none: no other data set was scored"),
        Item(42, "Protocol", "`study.json`, `splits.csv` and `events.jsonl` in the records; command below"),
        Item(43, "Availability", f"images: {run.manifest.dataset.licence}; weights and code: the model cards"),
    ]


def _explanations(run: Run) -> list[Item]:
    if run.explanations is None or not run.explanations.networks:
        return []
    answer = "Grad-CAM of right, wrong and random test images, checked against random weights: What do they look at?"
    return [Item(31, "Explanations", answer)]


def _results(run: Run, analysis: Analysis) -> list[Item]:
    best = analysis.ranked()[0]
    values = analysis.values(best, TUNED, TEST)
    used = sum(sum(run.images(split).values()) for split in SPLITS)
    return [
        Item(35, "Included, excluded", f"{used:,} and {sum(left_out(run).values()):,} images"),
        Item(
            37, "Performance", f"{best}: ROC-AUC {fraction(values['roc_auc'])}, accuracy {percent(values['accuracy'])}"
        ),
        Item(38, "Diagnostic performance", "sensitivity, specificity, PPV and NPV under Class by class"),
        Item(39, "Failures", "under Where they go wrong"),
        Item(40, "Limits", "under How it was done, and its limits"),
    ]


SECTION = Section(title="For a paper: CLAIM 2024", render=_render)
