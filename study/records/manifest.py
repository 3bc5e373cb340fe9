"""What the records of a run say of it: what is studied, on which data, with which versions and on what machine.

It is the `declared` event of the log and, derived from that, `study.json`. A field is named as its JSON key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from study.records.objective import Objective
from study.records.opening import Opening
from study.records.recipes import recipe_from_json
from study.records.recorded import READ, Recorded, each_item, each_value, unless_null
from study.spec import Budget, PublishedEpoch, PublishedResult, Recipe

# Hyperparameter -> its domain in words of JSON: "kind", and "values" or "low", "high" and "log".
SpaceRecord = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DatasetRecord(Recorded):
    """The images, and what is known of them.

    Attributes:
        name: in `study.datasets`, or of a user's own images.
        title: name in reports.
        edition: which published version the images were recognised as; "" where there is only one.
        licence: in a few words.
        source: where it is published.
        how_to_get: what a user does to have it, in one or two sentences.
        classes: class names; the target is the index. With two classes the second is the positive one.
        modality: decides what augmentation may do: "ihc", "he", "blood", "mri".
        ordinal: whether the classes are in an order.
        trimmed: whether dark margins around the picture are cut away before it is resized.
        window: of images with more than 8 bits, the levels that become black and white; None for the whole range.
        expected: published number of images: side -> class -> count; "all" stands for every side or class.
        group_meaning: what a group of images stands for (patient, slide); "" where no image has one.
        ungrouped: images that have no group, where others have.
    """

    name: str
    title: str
    edition: str
    licence: str
    source: str
    how_to_get: str
    classes: tuple[str, ...] = field(metadata={READ: tuple})
    modality: str
    ordinal: bool = False
    trimmed: bool = False
    window: tuple[int, int] | None = field(default=None, metadata=unless_null(tuple))
    expected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    group_meaning: str = ""
    ungrouped: int = 0


@dataclass(frozen=True, kw_only=True)
class WeightsRecord(Recorded):
    """Weights that training starts from.

    Attributes:
        source: where they come from: a name of torchvision's, or a file.
        sha256: of them.
    """

    source: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ArchitectureRecord(Recorded):
    """One architecture of the study, with the recipe that its search starts from.

    Attributes:
        title: name in reports.
        recipe: of trial 0, resolved to numbers.
        stated: hyperparameters that the publication states -> where.
        document_epochs: for how many epochs the publication trains it; None where it doesn't say.
        uses: hyperparameters that make a difference for this architecture.
        cam_layer: module whose output Grad-CAM looks at.
        rungs: epochs after which early stopping decides, ascending.
        grace: epochs before which no trial should be judged; None in the records of early versions.
        search: how the search policy describes itself, with "title"; {} in the records of early versions.
        image_size: side in pixels to which its images are resized; None: the study's.
        appearance: how the training images look at its own image size; None where that is the study's.
        weights: that training starts from; None for random ones.
        num_parameters: of the network of `recipe`; None in the records of early versions.
        reference: whether the publication doesn't have it, so that it starts from its own default recipe.
    """

    title: str
    recipe: Recipe = field(metadata={READ: recipe_from_json})
    stated: Mapping[str, str]
    document_epochs: int | None = None
    uses: tuple[str, ...] = field(metadata={READ: tuple})
    cam_layer: str = "features"
    rungs: tuple[int, ...] = field(metadata={READ: tuple})
    weights: WeightsRecord | None = field(default=None, metadata=unless_null(WeightsRecord.from_json))
    num_parameters: int | None = None
    reference: bool = False
    grace: int | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    image_size: int | None = None
    appearance: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class SearchRecord(Recorded):
    """How recipes are searched for.

    Attributes:
        policy: name of the search policy.
        early_stopping: name of what ends trials early.
    """

    policy: str = "tpe"
    early_stopping: str = "asha"


@dataclass(frozen=True, kw_only=True)
class PartRecord(Recorded):
    """A file of the user's own that the study uses; see `study.parts`.

    Attributes:
        kind: of part, such as "architecture".
        name: by which it is known.
        sha256: of its text.
    """

    kind: str
    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class BudgetRecord(Recorded, Budget):
    """How much the study may spend on each architecture.

    Attributes:
        name: of the budget, as it was asked for.
    """

    name: str = ""


@dataclass(frozen=True, kw_only=True)
class MachineRecord(Recorded):
    """The machine that the study was declared on.

    Attributes:
        cpu: what the machine calls its processor.
        num_cpus: cores that may be used.
        device: that trials are trained on, "cpu" or "cuda"; "" before the records are opened.
    """

    cpu: str
    num_cpus: int
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class SlotsRecord(Recorded):
    """The shares of the machine, or of the cluster, that trials run in; all 0 before the records are opened.

    Attributes:
        num: trials at a time.
        cpus: of one trial, or of each of its workers.
        gpus: of one trial, or of each of its workers; fractions share a device.
    """

    num: int = 0
    cpus: float = 0
    gpus: float = 0


@dataclass(frozen=True, kw_only=True)
class DuplicatesRecord(Recorded):
    """How many images show what others show, whether or not they are kept together.

    Attributes:
        extra_copies: files that hold a picture which another one holds, pixel by pixel.
        byte_identical_copies: of these, files that are equal byte by byte.
        groups: pictures that stand in more than one file.
        groups_spanning_test: of these, pictures that stand in the official test split and outside of it.
        spanning_test: images of the official test split that also stand outside of it.
        groups_of_two_labels: pictures that carry two labels.
        look_alike_links: pairs of pictures that look alike; None in the records of version 0.1.0, which didn't know.
        look_alike_extra_pictures: pictures that look like another one.
        look_alike_groups: groups of pictures that look alike.
        look_alike_spanning_test: images of the official test split that look like one outside of it.
        look_alike_groups_of_two_labels: groups of pictures that look alike and carry two labels.
        look_alike_doubtful: of the links, those that are only just likely.
    """

    extra_copies: int = 0
    byte_identical_copies: int = 0
    groups: int = 0
    groups_spanning_test: int = 0
    spanning_test: int = 0
    groups_of_two_labels: int = 0
    look_alike_links: int | None = None
    look_alike_extra_pictures: int = 0
    look_alike_groups: int = 0
    look_alike_spanning_test: int = 0
    look_alike_groups_of_two_labels: int = 0
    look_alike_doubtful: int = 0


@dataclass(frozen=True, kw_only=True)
class LikenessRecord(Recorded):
    """How alike two images of the data set are, and must be to be taken for the same picture: likenesses up to 1.

    Attributes:
        usual: of an image and its runner-up, in the median.
        likely: from which on a link is made.
        sure: from which on it isn't doubtful.
    """

    usual: float
    likely: float
    sure: float


@dataclass(frozen=True, kw_only=True)
class ResultRecord(Recorded, PublishedResult):
    """One row of the publication's own table."""


@dataclass(frozen=True, kw_only=True)
class EpochRecord(Recorded, PublishedEpoch):
    """One row of the publication's own table of epochs."""


@dataclass(frozen=True, kw_only=True)
class OpeningRecord(Recorded, Opening):
    """An earlier look at the test split, by another run."""


@dataclass(frozen=True, kw_only=True)
class Manifest(Recorded):
    """What is studied, on which data, with which versions and on what machine. The records of a run begin with it.

    Attributes:
        run: name of the run.
        study: name of the study file, or of the user's own images.
        title: heading of the report.
        document: number of the publication that is followed; "" for a study of one's own.
        notes: what a reader must know to compare with the publication.
        command: that was given.
        seed: of splits and search; seed runs have those that follow it.
        image_size: side in pixels to which images are resized, but for architectures that have one of their own.
        val_fraction: share of the development images that becomes val.
        created: when the run was declared, UTC, ISO 8601.
        commit: of the code, "+" where files differed from it; "" where it isn't known.
        versions: package -> version.
        machine: that the study was declared on.
        budget: of each architecture.
        reduction_factor: of early stopping: 1 in so many trials goes on past each rung.
        dataset: the images.
        pairs: architecture -> what is declared of it, in the study's order.
        space: architecture -> its search space.
        tried: architecture -> changes to its recipe that are tried first.
        published: the publication's own results.
        published_epochs: the publication's own table of epochs.
        names_hash: SHA-256 of names and labels of the images; "" in the records of early versions.
        test_hash: SHA-256 of the test split; "" in the records of early versions.
        data_hash: SHA-256 of the images' contents.
        split_hash: SHA-256 of the splits.
        counts: split -> class -> number of images.
        left_out: reason -> number of images that are in no split for it.
        given_splits: the splits that the data set itself declares: of "val" and "test".
        duplicates: images that show the same.
        likeness: how alike images must be to be taken for the same; None in the records of early versions.
        skipped: images that can't be read or are known to be bad, each with the reason.
        read_by: image reader -> number of images that it read; {} in the records of early versions.
        stand_in: whether the images are drawn.
        from_scratch: architecture whose recipe wanted it pretrained -> why it was trained from scratch.
        given_weights: architectures whose pretrained weights the user gave, though their recipe has none.
        opened_before: earlier looks at the test split; None in the records of early versions, which kept no ledger.
        groups: what of the images stays in one split; None in the records of version 0.1.0, which kept copies together.
        holdout: whether the official test split stays closed.
        appearance: how the training images look at `image_size`, see `study.evaluation.appearance`; None in records of
            early versions.
        precision: that the trials are trained in; None in the records of early versions, "" before it is chosen.
        slots: the shares that trials run in.
        objective: what "best" means.
        search: how recipes are searched for.
        metrics: names of those that the report shows beside the usual ones.
        parts: files of the user's own that the study uses.
    """

    run: str
    study: str
    title: str
    document: str
    notes: tuple[str, ...] = field(metadata={READ: tuple})
    command: str
    seed: int
    image_size: int
    val_fraction: float
    created: str
    commit: str
    versions: Mapping[str, str]
    machine: MachineRecord = field(metadata={READ: MachineRecord.from_json})
    budget: BudgetRecord = field(metadata={READ: BudgetRecord.from_json})
    reduction_factor: int
    dataset: DatasetRecord = field(metadata={READ: DatasetRecord.from_json})
    pairs: Mapping[str, ArchitectureRecord] = field(metadata=each_value(ArchitectureRecord.from_json))
    space: Mapping[str, SpaceRecord]
    tried: Mapping[str, tuple[Mapping[str, Any], ...]] = field(metadata=each_value(tuple))
    published: tuple[ResultRecord, ...] = field(metadata=each_item(ResultRecord.from_json))
    published_epochs: tuple[EpochRecord, ...] = field(metadata=each_item(EpochRecord.from_json))
    names_hash: str = ""
    test_hash: str = ""
    data_hash: str
    split_hash: str
    counts: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int]
    given_splits: tuple[str, ...] = field(default=(), metadata={READ: tuple})
    duplicates: DuplicatesRecord = field(metadata={READ: DuplicatesRecord.from_json})
    likeness: LikenessRecord | None = field(default=None, metadata=unless_null(LikenessRecord.from_json))
    skipped: tuple[str, ...] = field(default=(), metadata={READ: tuple})
    read_by: Mapping[str, int] = field(default_factory=dict)
    stand_in: bool
    from_scratch: Mapping[str, str]
    given_weights: tuple[str, ...] = field(default=(), metadata={READ: tuple})
    opened_before: tuple[OpeningRecord, ...] | None = field(
        default=None, metadata=unless_null(lambda rows: tuple(map(OpeningRecord.from_json, rows)))
    )
    groups: str | None = None
    holdout: bool = False
    appearance: Mapping[str, Any] | None = None
    precision: str | None = None
    slots: SlotsRecord = field(default_factory=SlotsRecord, metadata={READ: SlotsRecord.from_json})
    objective: Objective = field(default_factory=Objective, metadata={READ: Objective.from_json})
    search: SearchRecord = field(default_factory=SearchRecord, metadata={READ: SearchRecord.from_json})
    metrics: tuple[str, ...] = field(default=(), metadata={READ: tuple})
    parts: tuple[PartRecord, ...] = field(default=(), metadata=each_item(PartRecord.from_json))

    @property
    def image_sizes(self) -> dict[str, int]:
        """Architecture -> side in pixels to which its images are resized."""
        return {pair: entry.image_size or self.image_size for pair, entry in self.pairs.items()}

    def appearance_of(self, pair: str) -> Mapping[str, Any] | None:
        """How the training images look at an architecture's image size; None in records of early versions."""
        entry = self.pairs[pair]
        return self.appearance if entry.image_size is None else entry.appearance
