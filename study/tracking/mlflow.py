"""The trials in MLflow, by way of Ray's own callback for it: a run for each searched trial and seed run."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from study import records
from study.command import package, without_secrets
from study.errors import StudyError
from study.records import COMPLETE, SEARCH, SEED, STOPPED
from study.tracking.background import Background
from study.tracking.tracker import TrialTracker

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


class MLflow(TrialTracker):
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
        require_server(uri)
        from ray.air.integrations.mlflow import MLflowLoggerCallback

        manifest = state.manifest
        self._uri, self._broken = without_secrets(uri), ""
        tags = {f"study_{name}": str(getattr(manifest, name)) for name in ("run", "created", "commit", "stand_in")}
        self._callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name=manifest.run, tags=tags)
        self._trials: dict[str, _AsTuneHasIt] = {}
        self._background = Background("mlflow")
        trials = {trial.id: trial for trial in [*state.of_kind(SEARCH), *state.of_kind(SEED)]}
        with _in_words(uri):
            self._callback.setup()
            there = self._settled(manifest.created, trials)
        for trial in trials.values():
            if trial.id in there:
                continue
            for epoch in trial.epochs:
                self.epoch(trial, epoch)
            if trial.has_ended:
                self.ended(trial)

    def started(self, trial: records.Trial) -> None:
        """A trial begins or goes on; one that begins anew, under the name of a known one, replaces that."""
        if not trial.epochs and trial.id in self._trials:
            self._background.add(self._guarded, self._forget, self._trials.pop(trial.id))

    def epoch(self, trial: records.Trial, event: records.Event) -> None:
        """Adds an epoch's figures, soon."""
        figures = {k: v for k, v in event.items() if isinstance(v, float | int) and k not in ("time", "epoch")}
        self._background.add(self._guarded, self._epoch, self._as_tune_has_it(trial), event["epoch"], figures)

    def ended(self, trial: records.Trial) -> None:
        """Ends a trial's run, soon."""
        failed = _status(trial) == "FAILED"
        self._background.add(self._guarded, self._ended, self._as_tune_has_it(trial), failed)

    def close(self) -> None:
        """Returns when all is sent."""
        self._background.close()

    def _as_tune_has_it(self, trial: records.Trial) -> _AsTuneHasIt:
        return self._trials.setdefault(trial.id, _AsTuneHasIt(trial.id, _parameters(trial)))

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
                f"MLflow at {self._uri} takes no more ({self._broken}). The study goes on; the same command sends what "
                "is missing.",
                file=sys.stderr,
                flush=True,
            )

    def _forget(self, trial: _AsTuneHasIt) -> None:
        run_id = self._callback._trial_runs.pop(trial, None)
        if run_id is not None:
            self._callback.mlflow_util._get_client().delete_run(run_id)

    def _settled(self, created: str, trials: Mapping[str, records.Trial]) -> set[str]:
        """Names of the trials that are there as they ended; all other runs of this study are deleted there."""
        client = self._callback.mlflow_util._get_client()
        experiment = str(self._callback.mlflow_util.experiment_id)
        runs: list[Any] = []
        token = None
        while True:
            page = client.search_runs([experiment], f"tags.study_created = '{created}'", page_token=token)
            runs += page
            token = page.token
            if not token:
                break
        settled: set[str] = set()
        for run in runs:
            name = str(run.data.tags.get("trial_name"))
            if name not in settled and name in trials and _is_as_it_ended(run, trials[name]):
                settled.add(name)
            else:
                client.delete_run(run.info.run_id)
        return settled


def require_server(uri: str) -> None:
    """Raises StudyError if MLflow isn't installed, or there is no tracking server."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    mlflow = package("mlflow", extra="mlflow", what="--mlflow")
    with _in_words(uri):
        mlflow.MlflowClient(tracking_uri=uri).search_experiments(max_results=1)


@contextmanager
def _in_words(uri: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Server, database and driver have errors of their own.
        raise StudyError(
            f"--mlflow needs a tracking server, but {without_secrets(uri)} can't be used ({_first_line(error)}). Start "
            "one (uvx mlflow server), or leave --mlflow out."
        ) from error


def _parameters(trial: records.Trial) -> dict[str, Any]:
    about = {"architecture": trial.pair, "kind": trial.kind, "recipe": trial.recipe_name, "seed": trial.seed}
    return about | trial.recipe.hyperparameters()


def _status(trial: records.Trial) -> str:
    return "FINISHED" if trial.state in (COMPLETE, STOPPED) else "FAILED"


def _is_as_it_ended(run: Any, trial: records.Trial) -> bool:
    """A seed run that failed is trained again, and a new finalist's has the name of the old one's."""
    if not trial.has_ended or run.info.status != _status(trial):
        return False
    return all(run.data.params.get(name) == str(value) for name, value in _parameters(trial).items())


def _first_line(error: Exception) -> str:
    return without_secrets((str(error).splitlines() or [type(error).__name__])[0])
