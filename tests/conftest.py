"""Fixtures of several packages: one small real study, run once for all tests that read its records."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from study import run
from study.command import DONE
from study.datasets.synthetic import brain_mri
from study.execution.ray_backend import environment

# Before any test module imports Ray, as the command does.
environment.apply()

# How long an example takes is the machine's affair.
settings.register_profile("study", deadline=None)
settings.load_profile("study")

_CLASS_FOLDERS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")

TINY_STUDY = '''
"""A study small enough for a test."""
from ray import tune
from study.spec import Recipe, Study

STUDY = Study(
    title="Tiny",
    dataset="brain_tumor_mri",
    image_size=16,
    pairs={"lenet": Recipe(batch_size=8), "four_block_cnn": Recipe(batch_size=8, dropout=0.1)},
    space={
        "lr": tune.loguniform(1e-4, 1e-2),
        "dropout": tune.uniform(0.0, 0.5),
        "augmentation": tune.choice(["none", "light", "strong"]),
    },
)
'''

Command = Callable[..., int]


# Tests of these folders share what takes long to make, drawn reports or hosts, so one process runs them all.
_SHARED = {"tests/report": "report", "tests/cluster": "hosts"}
# So do files that use one of these fixtures.
_SHARED_FIXTURES = {"ray_started": "ray", "finished_run": "ray"}


class ByWhatTheyShare(LoadScopeScheduling):
    """Each file's tests run in one process, and those of files that share something in the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(nodeid.partition("::")[0])


@cache
def _shared(file: str) -> str:
    folders = [group for start, group in _SHARED.items() if file.startswith(start)]
    text = Path(file).read_text()
    return next(iter([*folders, *(group for name, group in _SHARED_FIXTURES.items() if name in text), file]))


# xdist's own grouping by marks ("loadgroup") does nothing with this version of pytest.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByWhatTheyShare(config, log)


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn brain slices in their published layout, 12 a class to develop on and 5 to test."""
    root = tmp_path_factory.mktemp("images") / "mri"
    counts = {"Training": dict.fromkeys(_CLASS_FOLDERS, 12), "Testing": dict.fromkeys(_CLASS_FOLDERS, 5)}
    brain_mri.draw_brain_tumor_mri(root, counts=counts, seed=3, size_px=48)
    return root


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file outside the package."""
    path = tmp_path_factory.mktemp("studies") / "tiny.py"
    path.write_text(TINY_STUDY)
    return path


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test splits that tests open are not written into the user's ledger."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Networks this small are slower on two threads, and the other core may be another test's."""
    if request.path.parent.name not in ("architectures", "training"):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Address of an S3 server of this machine, without buckets."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of an empty folder in a bucket."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    boto3.client("s3", endpoint_url=f"http://{s3}", region_name="us-east-1").create_bucket(Bucket="study-bucket")
    folder = tmp_path.name
    return f"s3://study-bucket/{folder}?scheme=http&endpoint_override={s3}&region=us-east-1"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium, Debian's: a `playwright.sync_api.Browser`."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        pytest.fail("There is no chromium on this machine: apt-get install chromium")
    # It must not look for its maker's hosts, and as root it can't have a sandbox (Playwright's default).
    flags = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def ray_started() -> Iterator[None]:
    """Ray, started once for all tests."""
    from study.execution.ray_backend.cluster import ray_session

    with ray_session():
        yield


@pytest.fixture(scope="session")
def command(tiny_images: Path, tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs the tiny study with a small budget; arguments given later win."""
    cache = tmp_path_factory.mktemp("cache")

    def call(results: Path, *arguments: str) -> int:
        budget = ["--trials", "5", "--epochs", "4", "--seeds", "2"]
        folders = ["--results", str(results), "--reports", str(results / "reports"), "--cache", str(cache)]
        folders += ["--ledger", str(results / "test-openings.jsonl")]
        return run.main([str(tiny_study), "--data", str(tiny_images), *budget, *folders, *arguments])

    return call


@pytest.fixture(scope="session")
def finished_run(ray_started: None, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the results and the reports of a finished run of the tiny study, on one slot."""
    results = tmp_path_factory.mktemp("finished")
    # Both cores for each trial: one slot, so that the order of events is always the same.
    assert command(results, "--cpus-per-trial", "2") == DONE
    return results
