"""The searched trials as an Optuna journal: what `optuna-dashboard` opens."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages.journal import JournalFileBackend

from study import records
from study.search.optuna_sampler import direction, frozen_trial
from study.tracking.background import Background
from study.tracking.tracker import TrialTracker

Distributions = Mapping[str, dict[str, BaseDistribution]]


class Journal(TrialTracker):
    """Holds each searched trial once it has ended, one Optuna study a pair.

    The file only ever grows while a session runs, so that a dashboard which has it open can follow. It is derived: each
    session begins by writing it anew. It is written on a thread of its own, for no trial waits for it.

    Args:
        path: of the file.
        distributions: pair -> hyperparameter -> what is searched.
        state: what has ended so far.
    """

    def __init__(self, path: Path, distributions: Distributions, state: records.StudyState) -> None:
        self.distributions = distributions
        path.unlink(missing_ok=True)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        self.studies = {
            pair: optuna.create_study(study_name=pair, direction=direction(state.objective), storage=storage)
            for pair in distributions
        }
        ended = [t for t in state.of_kind(records.SEARCH) if t.has_ended]
        self._background = Background("journal")
        for trial in sorted(ended, key=lambda t: float(t.result["time"])):
            self.add(trial)

    def add(self, trial: records.Trial) -> None:
        """Appends a trial that has ended, soon.

        Raises:
            OSError: an earlier one could not be written, e.g. on a full disk.
        """
        self._background.add(self._add, trial)

    def ended(self, trial: records.Trial) -> None:
        """Appends a searched trial, soon; seed runs are none of Optuna's."""
        if trial.kind == records.SEARCH:
            self.add(trial)

    def close(self) -> None:
        """Returns when all is written.

        Raises:
            OSError: one could not be written.
        """
        self._background.close()

    def _add(self, trial: records.Trial) -> None:
        frozen = frozen_trial(trial, self.distributions[trial.pair])
        # As it was, not as it is written: a dashboard draws a timeline.
        times_s = [float(epoch["time"]) - float(epoch["seconds"]) for epoch in trial.epochs[:1]]
        frozen.datetime_complete = datetime.fromtimestamp(float(trial.result["time"]))
        frozen.datetime_start = datetime.fromtimestamp(times_s[0]) if times_s else frozen.datetime_complete
        self.studies[trial.pair].add_trial(frozen)
