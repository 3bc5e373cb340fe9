"""Every number of the records that a report is about changes it, and every number of a report comes from a record."""

import copy
import difflib
import gc
import json
import re
from contextlib import contextmanager

import pytest
import synthetic
import synthetic_plan
from synthetic import write_run

from study.evaluation.bootstrap import resampled_means, resampled_scores
from study.evaluation.calibration import resampled_losses
from study.report import draw_report, page
from study.report.core import style
from study.report.sections import page_of

SMALL = {"strengths": {"lenet": 1.0, "hahnet": 2.2}, "num_seeds": 2, "num_trials": 4, "num_epochs": 4, "audit": 1}
COUNTS = {
    "train": {"negative": 90, "positive": 220},
    "val": {"negative": 16, "positive": 40},
    "test": {"negative": 62, "positive": 158},
}
# The records hold these for the program, or a second time: the report takes them from elsewhere.
NOT_SHOWN = {
    "time",
    "manifest.slots.cpus",
    "manifest.slots.gpus",
    # The search counts the parameters of the network that won.
    "manifest.pairs.lenet.num_parameters",
    # A binary network of one size, trained from random weights, has none of these.
    *(f"manifest.pairs.lenet.recipe.{name}" for name in ("class_weight_power", "width", "depth")),
    *(f"manifest.pairs.lenet.recipe.{name}" for name in ("freeze_epochs", "fine_tune_lr")),
}
# What an event says of a trial, in words or (with the name of the figure) in a figure alone.
SHOWN_OF_EVENTS = {
    ("started", "search"): {"recipe.lr": "", "recipe.dropout": "", "recipe.pos_weight": ""},
    ("epoch", "search"): {"epoch": "", "seconds": "", "val_roc_auc": "learning-curves"},
    ("completed", "search"): {"num_parameters": ""},
    ("started", "document"): {"seed": ""},
    ("epoch", "document"): {
        "seconds": "",
        "train_loss": "seed-curves",
        "train_accuracy": "seed-curves",
        "val_loss": "seed-curves",
        "val_accuracy": "seed-curves",
    },
    ("completed", "document"): {"best_epoch": ""},
    ("test_opened", ""): {"num_images": ""},
}
NUMERAL = re.compile(r"(?<![A-Za-z_`#-])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
# The protocol's own numbers, with what stands around them, and those of the literature.
CONSTANTS = re.compile(
    r"""\[95\]\ %\ (?:intervals|Wilson|bands|sensitivity\ on\ val|of\ the\ (?:positives|images\ or\ more))
    | about\ \[95\]\ times\ of | times\ of\ \[100,\]
    | together\ \(\[95\.0\]\ %\ each | networks\ \[95\.0\]\ %\ each
    | (?:excludes|below)\ \[0(?:\.05)?,?\] | \[0\.001\]
    | \|\ \[0\.5(?:00)?\]\ \| | probability\ of\ \[0\.5\]\ on | ^\ \[0\.500\]\ $ | chance\ \[0\.500\]
    | \(\[15\]\ bins\) | \[15\]\ %\ of\ the\ images\ where | \[2,000\]\ resamples
    | \(?trial\ \[0,?\] | the\ best\ \[1\]\ in
    | least\ \[13\]\ trials | in\ place\ \[1\]\ of
    | \[(?:100|50|0)\.0\]\ %\ \| | <sup>\[1\]</sup> | \|\ (?:tuned|document)\ \|\ \[\d\]\ \|
    | (?:et\ al\.|CLAIM)\ \[20\d\d,?\] | ^\[2024\]$ | document\ \[001,?\] | line\ \[9\]
    | ^\|\ \[\d+\]\ \|\ [A-Z] | \[44\]\ (?:items|\)) | answer\ \[31\]\ of
    | \(\[\d+\]\ ?(?:\)|to) | to\ \[18\]\) | all\ of\ \[2\]\ classes | compare\ \[2\]\ networks""",
    re.VERBOSE,
)


def numbers_in(record, path=()):
    """The place of each number in a nested record."""
    if isinstance(record, dict):
        return [place for name, value in record.items() for place in numbers_in(value, (*path, name))]
    if isinstance(record, list):
        return [place for index, value in enumerate(record) for place in numbers_in(value, (*path, index))]
    return [path] if isinstance(record, int | float) and not isinstance(record, bool) else []


def changed(record, place):
    """The record with another number at that place, which is still one that might stand there."""
    record = copy.deepcopy(record)
    inner = record
    for step in place[:-1]:
        inner = inner[step]
    old = inner[place[-1]]
    # Kernels have a middle, and nothing of a network can be frozen that isn't pretrained.
    step = {"kernel_size": 2, "freeze_epochs": 0}.get(place[-1], 1)
    inner[place[-1]] = old + step if isinstance(old, int) else old * 0.9 or 0.1
    return record


@contextmanager
def words_alone():
    """Without figures, without the second form of the page (which has the same numbers), with few resamples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "png", lambda *_, **__: b"")
        patch.setattr(page, "html_page", lambda *_, **__: "")
        # statsmodels collects garbage at each call, which takes a while in a process that holds as much as this one.
        patch.setattr(gc, "collect", lambda: 0)
        for function in (resampled_scores, resampled_means, resampled_losses):
            patch.setitem(function.__kwdefaults__, "num_resamples", 40)
        yield patch


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A small run, its events, and a function that gives all files of words of a report of other events."""
    root = tmp_path_factory.mktemp("records")
    folder = write_run(root / "results", **SMALL)
    events = [json.loads(line) for line in folder.events.read_text().splitlines()]

    def drawn(others):
        folder.events.write_text("".join(f"{json.dumps(event)}\n" for event in others))
        with words_alone():
            draw_report(folder, root / "reports")
        paths = sorted(path for path in (root / "reports").rglob("*") if path.suffix in (".md", ".csv"))
        return {path.name: path.read_bytes() for path in paths}

    return folder, events, drawn


def test_each_number_of_the_manifest_that_is_shown_changes_the_report(words):
    _, events, drawn = words
    before = drawn(events)
    # The pairs are declared alike, and one of them will do.
    places = [place for place in numbers_in(events[0]) if "hahnet" not in place]
    dead = {".".join(map(str, place)) for place in places if drawn([changed(events[0], place), *events[1:]]) == before}
    assert dead == NOT_SHOWN


@pytest.mark.parametrize("kind", SHOWN_OF_EVENTS, ids=" ".join)
def test_each_number_of_an_event_that_is_shown_changes_the_report(words, kind):
    folder, events, drawn = words
    before = drawn(events)
    index = next(
        i for i, e in enumerate(events) if e["event"] == kind[0] and f"lenet-{kind[1]}" in f"lenet-{e.get('trial', '')}"
    )
    first = b""
    for name, where in SHOWN_OF_EVENTS[kind].items():
        others = [*events[:index], changed(events[index], tuple(name.split("."))), *events[index + 1 :]]
        after = drawn(others)
        assert after != before or where, name
        if where:
            first = first or figure_of(folder, events, where)
            assert first != figure_of(folder, others, where), name


def figure_of(folder, events, name):
    folder.events.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return style.png(page_of(folder).figures[name].draw)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages of three runs that have nothing in common but the names of their networks and classes."""

    def drawn(name, counts, **plan):
        with words_alone() as patch:
            patch.setattr(synthetic, "COUNTS", {2: counts})
            patch.setattr(synthetic_plan, "COUNTS", {2: counts})
            root = tmp_path_factory.mktemp(name)
            folder = write_run(root / "results", **plan)
            lines = folder.events.read_text().replace('"num_parameters": 61706', f'"num_parameters": {71 * len(name)}')
            folder.events.write_text(re.sub(r'"seed": 10(\d)', rf'"seed": {len(name)}\g<1>7', lines))
            return draw_report(folder, root / "reports").read_text()

    return [
        drawn("first", COUNTS, **SMALL),
        drawn("another", scaled(0.83), manifest=other_manifest(1.7), **other_plan(1, 0.4)),
        drawn(
            "the third",
            scaled(1.21),
            manifest=other_manifest(2.3),
            failed={"lenet": 2, "hahnet": 1},
            **other_plan(2, -0.2),
        ),
    ]


def scaled(factor):
    return {
        split: {name: round(n * factor) + 9 * place for place, (name, n) in enumerate(counts.items())}
        for split, counts in COUNTS.items()
    }


def other_plan(more, stronger):
    """Of more of everything."""
    strengths = {name: strength + stronger for name, strength in SMALL["strengths"].items()}
    return {"strengths": strengths} | {
        name: value + more * value for name, value in SMALL.items() if name != "strengths"
    }


def other_manifest(factor):
    """Other values of all that a plan doesn't say."""
    plan = synthetic_plan.Plan(**SMALL)
    old = synthetic_plan.manifest_of(plan)
    kept = {
        "run",
        "study",
        "title",
        "document",
        "notes",
        "stand_in",
        "command",
        "counts",
        "tried",
        "budget",
        "published",
    }

    def other(value):
        if isinstance(value, dict):
            return {name: other(each) for name, each in value.items()}
        if isinstance(value, list):
            return [other(each) for each in value]
        if isinstance(value, bool | str) or value is None:
            return value
        return round(value * factor) + 3 if isinstance(value, int) else (value or 0.1) * factor / 3

    new = {name: other(value) for name, value in old.items() if name not in kept}
    for pair in new["pairs"].values():
        pair["recipe"] |= {"kernel_size": 2 * round(factor) + 3, "freeze_epochs": 0}
    published = [
        {**row, **{n: v * factor / 3 for n, v in row.items() if isinstance(v, float)}} for row in old["published"]
    ]
    year = f"20{round(10 * factor)}-0{round(3 * factor)}-19T09:26:53+00:00"
    digit = str(round(factor))
    return new | {
        "published": published,
        "skipped": [f"train/{digit}.png: cut off"] * round(factor),
        "created": year,
        "commit": digit * 20,
        "data_hash": digit * 64,
        "split_hash": digit * 64,
        "versions": dict.fromkeys(old["versions"], f"{digit}.7{digit}"),
    }


def same_numerals(one, other):
    """The numerals, with what stands around them, that are equal in lines that are equal otherwise."""
    lines = [[(NUMERAL.sub("#", line), NUMERAL.findall(line)) for line in page.splitlines()] for page in (one, other)]
    templates = [[template for template, _ in each] for each in lines]
    found = set()
    for i, j, length in difflib.SequenceMatcher(None, *templates, autojunk=False).get_matching_blocks():
        for (template, first), (_, second) in zip(lines[0][i : i + length], lines[1][j : j + length], strict=True):
            around = template.split("#")
            found |= {
                f"{around[place][-40:]}[{numeral}]{around[place + 1][:40]}"
                for place, (numeral, its) in enumerate(zip(first, second, strict=True))
                if numeral == its
            }
    return found


def test_no_numeral_of_a_report_lacks_a_record(pages):
    # Two runs may have the same rounded value by chance; three at the same place hardly.
    unchanged = same_numerals(pages[0], pages[1]) & same_numerals(pages[0], pages[2])
    assert len(unchanged) > 40
    assert "\n".join(sorted(each for each in unchanged if not CONSTANTS.search(each))) == ""
