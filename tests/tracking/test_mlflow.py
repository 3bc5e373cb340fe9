"""`--mlflow`: a real tracking server, in an environment of its own: `uv run pytest -m demo`."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from study import records
from study.command import DONE, USER_ERROR
from study.records import SEARCH, SEED, RunFolder

RUN = "tiny"
Command = Callable[..., int]
# The same version as that of the client.
SERVER = "mlflow==3.17.2"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    # `uv run` tells its children where it is.
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "The server gets an environment of its own: uv is needed"
    command = [uv, "tool", "run", "--from", SERVER, "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
    url, until_s = f"http://127.0.0.1:{port}", time.monotonic() + 400
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                break
        except OSError:
            assert time.monotonic() < until_s, (folder / "log").read_text()
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.5)
    yield url
    process.terminate()
    process.wait(60)


def runs_in(url: str):
    import mlflow

    client = mlflow.MlflowClient(url)
    experiment = client.get_experiment_by_name(RUN)
    return client, client.search_runs([experiment.experiment_id], max_results=1000)


@pytest.mark.demo
@pytest.mark.filterwarnings("ignore")
def test_every_trial_is_there_once_with_its_epochs_also_after_an_interruption(
    server: str, finished_run: Path, tmp_path: Path, command: Command
) -> None:
    results = tmp_path / "results"
    shutil.copytree(finished_run / RUN, results / RUN)
    folder = RunFolder(results / RUN)
    # As it was after some of the trials, one of them under way.
    lines = folder.events.read_text().splitlines(keepends=True)
    folder.events.write_text("".join(lines[: len(lines) // 3]))
    assert command(results, "--cpus-per-trial", "2", "--mlflow", server) == DONE
    # A seed run that was tried again, and a new finalist under an old name, leave runs that are not as the trial ended.
    client, runs = runs_in(server)
    seed = next(run for run in runs if "seed" in run.info.run_name)
    client.set_terminated(seed.info.run_id, status="FAILED")
    other = next(run for run in runs if run is not seed)
    client.delete_run(other.info.run_id)
    tags = {name: value for name, value in other.data.tags.items() if not name.startswith("mlflow.")}
    wrong = client.create_run(other.info.experiment_id, run_name=other.info.run_name, tags=tags)
    client.log_param(wrong.info.run_id, "lr", "0.123")
    client.set_terminated(wrong.info.run_id)
    # They are mended, and nothing is sent twice.
    assert command(results, "--cpus-per-trial", "2", "--mlflow", server) == DONE
    state = records.load_run(folder)
    trials = {trial.id: trial for trial in [*state.of_kind(SEARCH), *state.of_kind(SEED)]}
    client, runs = runs_in(server)
    assert sorted(run.info.run_name for run in runs) == sorted(trials)
    for run in runs:
        trial = trials[run.info.run_name]
        assert run.info.status == "FINISHED"
        assert run.data.params["lr"] == str(trial.recipe.lr)
        history = client.get_metric_history(run.info.run_id, "val_roc_auc")
        assert [(each.step, each.value) for each in sorted(history, key=lambda each: each.step)] == [
            (epoch["epoch"], pytest.approx(epoch["val_roc_auc"])) for epoch in trial.epochs
        ]


@pytest.mark.filterwarnings("ignore")
def test_without_a_server_nothing_is_trained(
    finished_run: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    address = f"http://127.0.0.1:{free_port()}"
    assert command(tmp_path, "--mlflow", address) == USER_ERROR
    said = capsys.readouterr().err
    assert "--mlflow needs a tracking server" in said
    assert address in said
    # Not even what --fresh would delete is gone.
    assert command(tmp_path, "--mlflow", address, "--fresh") == USER_ERROR
    assert records.load_run(RunFolder(tmp_path / RUN)).finished


@pytest.mark.filterwarnings("ignore")
def test_without_the_package_the_extra_is_named(
    finished_run: Path,
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert command(tmp_path, "--mlflow", "http://127.0.0.1:1") == USER_ERROR
    assert "uv sync --extra mlflow" in capsys.readouterr().err
