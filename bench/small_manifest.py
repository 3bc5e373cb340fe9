"""The manifest of a study that is only replayed: what decides is filled in, what describes is not."""

from collections.abc import Mapping, Sequence

from study.records import Manifest
from study.records.manifest import ArchitectureRecord, BudgetRecord, DatasetRecord, DuplicatesRecord, MachineRecord
from study.spec import Recipe


def small_manifest(
    rungs: Mapping[str, Sequence[int]], *, seed: int = 0, reduction_factor: int = 3, num_train: int = 0
) -> Manifest:
    """A manifest of architectures with these rungs, for a controller that is driven by formulas."""
    return Manifest(
        run="run",
        study="run",
        title="",
        document="",
        notes=(),
        command="",
        seed=seed,
        image_size=1,
        val_fraction=0.15,
        created="",
        commit="",
        versions={},
        machine=MachineRecord(cpu="", num_cpus=1),
        budget=BudgetRecord(trials=1, epochs=1, seeds=1),
        reduction_factor=reduction_factor,
        dataset=DatasetRecord(
            name="", title="", edition="", licence="", source="", how_to_get="", classes=(), modality=""
        ),
        pairs={
            name: ArchitectureRecord(title=name, recipe=Recipe(), stated={}, uses=(), rungs=tuple(epochs))
            for name, epochs in rungs.items()
        },
        space={},
        tried={},
        published=(),
        published_epochs=(),
        data_hash="",
        split_hash="",
        counts={"train": {"images": num_train}},
        left_out={},
        duplicates=DuplicatesRecord(),
        stand_in=True,
        from_scratch={},
    )
