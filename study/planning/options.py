"""What a run is asked for: the options of `python -m study.run`, and of whoever runs studies from Python."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from study import parts
from study.command import VERBOSE_HELP, positive, whole_number, without_secrets
from study.datasets.images import groups
from study.option_fields import Group, Option, arguments_of, check_options, computed, option, options_of
from study.parts import Part
from study.planning.image_sizes import image_size_text
from study.spec import BUDGETS, PRECISIONS
from study.spec.own_images import MODALITIES

_APP = "medical-image-study"
_CUSTOM_IMAGES = Group(title="images of your own", doc="A study without a study file: what isn't said is derived.")


def _cache_folder() -> Path:
    return Path(platformdirs.user_cache_dir(_APP))


def _ledger_file() -> Path:
    return Path(platformdirs.user_state_dir(_APP)) / "test-openings.jsonl"


def _folder_or_uri(text: str) -> Path | str:
    return text if "://" in text else Path(text)


def _groups_doc() -> str:
    ways = "; ".join(f"{way}: {what}" for way, what in groups.WAYS.items())
    return f"what stays in one split: {ways} (default {groups.DEFAULT}, unless that is likely to be wrong)"


def _column_doc(what: str) -> str:
    return f"of the table: {what} (default: by usual names)"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is asked of a run; each field says in its `option` what it means, and is a flag of `python -m study.run`.

    None is for "not said": what follows then depends on the study, its images or the machine.

    Raises:
        StudyError: a value breaks the rule of its option.
    """

    names: tuple[str, ...] = option(
        (), "a file in search_spaces/ (without .py), or a path to one; all", metavar="NAME", positional=True
    )
    list_studies: bool = option(False, "show all studies with their data, architectures and status", names=("--list",))

    # What is run.
    data: Path | str | None = option(
        None, "folder of the dataset; or its URI, such as s3://bucket/folder", metavar="DIR", parse=_folder_or_uri
    )
    budget: str | None = option(None, "default: demo on drawn images, standard on real ones", choices=tuple(BUDGETS))
    trials: int | None = option(None, "searched trials of each pair", metavar="N")
    epochs: int | None = option(None, "full budget of a trial", metavar="N")
    seeds: int | None = option(None, "seed runs of each finalist", metavar="K")
    audit: int | None = option(
        None, "searched trials of each pair that are never stopped early", metavar="N", parse=whole_number(0)
    )
    image_size: tuple[str, ...] = option(
        (),
        "side to which images are resized, of all networks or of one (repeatable)",
        metavar="[NAME=]PX",
        parse=image_size_text,
    )
    architectures: tuple[str, ...] = option(
        (), "only this network (repeatable)", metavar="NAME|FILE.py", names=("--architecture",)
    )
    objective: str | None = option(
        None,
        "metric that decides what is best, of epochs, trials, recipes and networks: roc_auc, mcc, "
        "sensitivity_at_specificity=0.9, ... (default: the study's, else roc_auc)",
        metavar="NAME|FILE.py",
    )
    metrics: tuple[str, ...] = option(
        (), "also show this metric in the report", metavar="NAME|FILE.py", names=("--metric",)
    )
    search: str | None = option(
        None, "search policy: tpe, random, gp (default: the study's, else tpe)", metavar="NAME|FILE.py"
    )
    early_stopping: str | None = option(
        None, "what ends trials early: asha, median, none (default: the study's, else asha)", metavar="NAME|FILE.py"
    )
    readers: tuple[str, ...] = option(
        (), "a reader for image files of your own format", metavar="FILE.py", names=("--reader",)
    )
    sections: tuple[str, ...] = option(
        (), "a section of your own for the report", metavar="FILE.py", names=("--section",)
    )
    weights: tuple[str, ...] = option((), "pretrained weights of a network", metavar="[NAME=]FILE")
    seed: int = option(
        0, "of splits, search and training (default {default})", metavar="N", parse=whole_number(0, 2**32 - 1)
    )
    groups: str | None = option(None, _groups_doc(), choices=tuple(groups.WAYS))
    holdout: bool = option(False, "leave the official test split closed; test on 15 % of the other images")

    # Where files are, and what may be done to them.
    results: Path = option(Path("results"), "records (default {default})", metavar="DIR")
    reports: Path = option(Path("reports"), "reports (default {default})", metavar="DIR")
    cache: Path = option(computed(_cache_folder), "resized and drawn images (default {default})", metavar="DIR")
    ledger: Path = option(computed(_ledger_file), "which test splits were opened (default {default})", metavar="FILE")
    open_test_again: bool = option(False, "score a test split that another run has opened before")
    fresh: bool = option(False, "delete the results of an earlier run and start again")
    skip_unreadable: bool = option(False, "go on without images that can't be read")

    # On what it is run.
    address: str | None = option(
        None, 'Ray cluster to run on ("auto": the one this machine belongs to)', metavar="ADDR"
    )
    storage: str = option(
        "",
        "where the machines of a cluster share no folder: s3://bucket/folder gets checkpoints and records",
        metavar="URI",
    )
    workers_per_trial: int = option(
        0,
        "train each trial on N devices at once, in a Ray Train worker group (default {default}: none)",
        metavar="N",
        parse=whole_number(0),
    )
    hang_after_s: float = option(
        600.0, "end a worker without a step for so long", metavar="S", names=("--hang-after",), parse=positive
    )
    cpus_per_trial: float | None = option(None, "or per worker; default: one", metavar="X", parse=positive)
    gpus_per_trial: float | None = option(
        None,
        "or per worker; default: a quarter of one, where there is one; one a worker of several",
        metavar="X",
    )
    slots: int | None = option(
        None,
        "trials at a time, whatever there is now: where a cluster that `ray up` did not start grows on demand; "
        "if its GPU machines are yet to come, give --gpus-per-trial too",
        metavar="N",
        parse=whole_number(1),
    )
    precision: str | None = option(
        None,
        "that networks are trained in; default: bfloat16 where the device computes with it, else float32",
        choices=PRECISIONS,
    )

    # What is said of it.
    mlflow: str = option("", "also send all trials to this tracking server of MLflow", metavar="URI")
    dry_run: bool = option(
        False, "show the plan, and from a batch of each network what memory and time it takes; record nothing"
    )
    verbose: bool = option(False, VERBOSE_HELP, names=("-v", "--verbose"))

    images: Path | None = option(
        None,
        "a folder of images for each class, or train, val and test with such folders; a folder within a class is "
        "one patient's or slide's",
        metavar="DIR",
        group=_CUSTOM_IMAGES,
    )
    name: str = option("", "of the study (default: that of the folder)", metavar="NAME", group=_CUSTOM_IMAGES)
    labels: Path | None = option(
        None, "a table with a row for each image, instead of class folders", metavar="FILE.csv", group=_CUSTOM_IMAGES
    )
    image_column: str = option("", _column_doc("the image's path or file name"), metavar="NAME", group=_CUSTOM_IMAGES)
    label_column: str = option("", _column_doc("its class"), metavar="NAME", group=_CUSTOM_IMAGES)
    group_column: str = option(
        "", _column_doc("its patient or slide, which stays in one split"), metavar="NAME", group=_CUSTOM_IMAGES
    )
    split_column: str = option("", _column_doc("train, val or test"), metavar="NAME", group=_CUSTOM_IMAGES)
    positive_class: str = option(
        "", "which of two classes is looked for", metavar="CLASS", names=("--positive",), group=_CUSTOM_IMAGES
    )
    modality: str | None = option(
        None,
        "what augmentation may do (default grey or colour: no flips)",
        choices=MODALITIES,
        group=_CUSTOM_IMAGES,
    )
    save: Path | None = option(
        None,
        "write what was derived as a study file, to be edited, and stop",
        metavar="FILE.py",
        group=_CUSTOM_IMAGES,
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def way(self) -> str:
        """What stays together, one of `groups.WAYS`."""
        return self.groups or groups.DEFAULT

    @property
    def command(self) -> str:
        """The command that asks for the same, without the passwords and keys that it may hold; for the records."""
        return shlex.join(["python", "-m", "study.run", *map(without_secrets, arguments_of(self))])

    @property
    def architecture_names(self) -> tuple[str, ...]:
        """The architectures by their names, also those that are given as files."""
        return tuple(parts.name_of(each) for each in self.architectures)

    def parts(self) -> list[Part]:
        """The parts of one's own that are given as files.

        Raises:
            DeclarationError: one can't be read, or two have the same name.
        """
        given = [(parts.ARCHITECTURE, each) for each in self.architectures]
        given += [(parts.METRIC, each) for each in (*self.metrics, self.objective or "")]
        given += [(parts.SEARCH, self.search or ""), (parts.STOPPING, self.early_stopping or "")]
        given += [(parts.READER, each) for each in self.readers]
        given += [(parts.SECTION, each) for each in self.sections]
        return parts.own(given)

    def of_custom_images(self) -> Iterator[Option]:
        """The options that were given and say something of `images`."""
        for each in options_of(self):
            if each.flag.group is _CUSTOM_IMAGES and each.name != "images" and getattr(self, each.name) != each.default:
                yield each

    def of_study_file(self, file: Path) -> "Options":
        """For the study file that `save` has written: what the file says is said no more."""
        said = {each.name: each.default for each in options_of(self) if each.flag.group is _CUSTOM_IMAGES}
        return replace(self, names=(str(file),), architectures=(), image_size=(), **said)
