"""The trials in MLflow, by way of Ray's own callback for it: a run for each searched trial and seed run."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study import records
from study.errors import StudyError
from study.records import COMPLETE, RUNNING, SEARCH, SEED, STOPPED
from study.tuning.background import Background

# Otherwise a server that is gone is asked for minutes, and each ended trial prints two lines.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, eq=False)
class _AsTuneHasIt:
    """A trial as the callback wants it."""

    name: str
    config: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name


class MLflow:
    """An experiment with the run's name.

    Trials that it has already, of an earlier session of the same run, are left as they are; those that were interrupted
    are deleted there and written anew. A server that fails later stops no study: a line says so, and the records hold
    everything.

    Args:
        uri: of the tracking server or its database.
        state: what there is so far.

    Raises:
        StudyError: MLflow isn't installed, or there is no server.
    """

    def __init__(self, uri: str, state: records.StudyState) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        # It checks for itself only once it is made, and says it in its own words.
        try:
            import mlflow
        except ImportError as error:
            raise StudyError(
                "--mlflow needs the package mlflow-skinny or mlflow, but neither is installed. Install one (uv sync "
                "--extra mlflow)."
            ) from error
        from ray.air.integrations.mlflow import MLflowLoggerCallback

        del mlflow
        manifest = state.manifest
        self.uri, self._broken = uri, ""
        tags = {f"study_{name}": str(manifest[name]) for name in ("run", "created", "commit", "stand_in")}
        self._callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name=manifest["run"], tags=tags)
        try:
            self._callback.setup()
            known = self._known(manifest["created"])
        except Exception as error:
            # Server, database and driver have errors of their own.
            raise StudyError(
                f"--mlflow needs a tracking server, but {uri} can't be used ({_first_line(error)}). Start one (uvx "
                "mlflow server), or leave --mlflow out."
            ) from error
        self._trials: dict[str, _AsTuneHasIt] = {}
        self._background = Background("mlflow")
        for trial in [*state.of_kind(SEARCH), *state.of_kind(SEED)]:
            if trial.id in known:
                continue
            for epoch in trial.epochs:
                self.epoch(trial, epoch)
            if trial.state != RUNNING:
                self.ended(trial)

    def epoch(self, trial: records.Trial, event: records.Event) -> None:
        """Adds an epoch's figures, soon."""
        figures = {k: v for k, v in event.items() if isinstance(v, float | int) and k not in ("time", "epoch")}
        self._background.add(self._guarded, self._epoch, self._as_tune_has_it(trial), event["epoch"], figures)

    def ended(self, trial: records.Trial) -> None:
        """Ends a trial's run, soon."""
        failed = trial.state not in (COMPLETE, STOPPED)
        self._background.add(self._guarded, self._ended, self._as_tune_has_it(trial), failed)

    def close(self) -> None:
        """Returns when all is sent."""
        self._background.close()

    def _as_tune_has_it(self, trial: records.Trial) -> _AsTuneHasIt:
        config = {"architecture": trial.pair, "kind": trial.kind, "recipe": trial.recipe_name, "seed": trial.seed}
        return self._trials.setdefault(trial.id, _AsTuneHasIt(trial.id, config | trial.recipe))

    def _epoch(self, trial: _AsTuneHasIt, epoch: int, figures: Mapping[str, float]) -> None:
        if trial not in self._callback._trial_runs:
            self._callback.log_trial_start(trial)  # type: ignore[arg-type]
        self._callback.log_trial_result(epoch, trial, {"training_iteration": epoch, **figures})  # type: ignore[arg-type]

    def _ended(self, trial: _AsTuneHasIt, failed: bool) -> None:
        if trial not in self._callback._trial_runs:
            self._callback.log_trial_start(trial)  # type: ignore[arg-type]
        self._callback.log_trial_end(trial, failed=failed)  # type: ignore[arg-type]

    def _guarded(self, send: Any, *arguments: Any) -> None:
        if self._broken:
            return
        try:
            send(*arguments)
        except Exception as error:  # noqa: BLE001
            # Whatever a server says no to, the study goes on: its records are complete without it.
            self._broken = _first_line(error)
            print(
                f"MLflow at {self.uri} takes no more ({self._broken}). The study goes on; the same command sends what "
                "is missing.",
                file=sys.stderr,
                flush=True,
            )

    def _known(self, created: str) -> set[str]:
        """Names of the trials that are there as they ended."""
        client = self._callback.mlflow_util._get_client()
        experiment = str(self._callback.mlflow_util.experiment_id)
        known, token = set(), None
        while True:
            page = client.search_runs(
                [experiment], f"tags.study_created = '{created}'", max_results=1000, page_token=token
            )
            for run in page:
                if run.info.status in ("FINISHED", "FAILED"):
                    known.add(str(run.info.run_name))
                else:
                    client.delete_run(run.info.run_id)
            token = page.token
            if not token:
                return known


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
