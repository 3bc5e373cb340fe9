"""What `--list` shows: every study with its data, its architectures and what has come of it so far."""

import re
from collections.abc import Mapping
from pathlib import Path

from study import datasets, records
from study.datasets.commands.naming import usual_folder
from study.datasets.images import groups
from study.errors import ResultsError
from study.records import SEARCH
from study.spec import Study

_LABEL_WIDTH = 17


def listing(studies: Mapping[str, Study], results: Path) -> str:
    """One block of lines a study, then a line for each run of another: of one's own images, or of a study file.

    Args:
        studies: by name.
        results: the folder that holds the runs' records.
    """
    known = records.known_runs(results)
    runs_of = {name: [run for run in known if _is_of(name, run)] for name in studies}
    blocks = [_block(name, study, results, runs_of[name]) for name, study in studies.items()]
    others = [run for run in known if not any(run in runs for runs in runs_of.values())]
    if others:
        lines = [f"  {run:<{_LABEL_WIDTH - 2}} {_status(results / run)}" for run in others]
        blocks.append("\n".join([f"Other runs in {results}", *lines]))
    return "\n\n".join(blocks)


def _is_of(name: str, run: str) -> bool:
    """Whether a run is a study's: on real or drawn images, all of them or a holdout, in whatever groups."""
    return bool(re.fullmatch(rf"{re.escape(name)}(-standin)?(-holdout)?(-({'|'.join(groups.WAYS)}))?", run))


def _block(name: str, study: Study, results: Path, runs: list[str]) -> str:
    document = f" (document {study.document})" if study.document else ""
    dataset = datasets.of(study.dataset)
    folder = usual_folder(study.dataset_name, dataset)
    drawn = "drawn stand-in, unless --data says where the images are"
    missing = f"no {folder}: {'--data must say where the images are' if dataset.folder else drawn}"
    data = str(folder) if folder.is_dir() else missing
    lines = {
        "data": f"{study.dataset_name}: {data}",
        "architectures": ", ".join(study.names),
        "status": "; ".join(f"{run} {_status(results / run)}" for run in runs) or "not run yet",
    }
    return "\n".join(
        [f"{name:<{_LABEL_WIDTH}}{study.title}{document}", *(f"  {k:<{_LABEL_WIDTH - 2}}{v}" for k, v in lines.items())]
    )


def _status(folder: Path) -> str:
    try:
        state = records.load_run(records.RunFolder(folder))
    except ResultsError as error:
        return f"can't be read ({error})"
    created = state.manifest.created[:10]
    if state.finished:
        return f"finished (begun on {created})"
    trials = state.manifest.budget.trials * len(state.manifest.pairs)
    ended = sum(trial.has_ended for trial in state.of_kind(SEARCH))
    return f"unfinished (begun on {created}, {ended} of {trials} searched trials ended)"
