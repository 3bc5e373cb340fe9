"""The one-file recipes of CONTRIBUTING.md, carried out in a copy of the project."""

import re
from pathlib import Path

import pytest
from project_copy import ROOT, copy_project, python

FILES = {
    "Add an architecture": "study/architectures/two_convolutions.py",
    "Add a dataset": "study/datasets/stripes.py",
    "Add a study": "search_spaces/stripes_study.py",
    "Add a metric": "study/evaluation/metrics/youden.py",
    "Add a search policy": "study/search/policies/ladder.py",
}


def code_under(heading: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("project"))
    for heading, path in FILES.items():
        (folder / path).write_text(code_under(heading))
    return folder


def test_the_examples_are_formatted_as_the_house_asks(project: Path) -> None:
    files = list(FILES.values())
    assert python(project, "-m", "ruff", "check", *files).stdout.strip() == "All checks passed!"
    assert f"{len(FILES)} files already formatted" in python(project, "-m", "ruff", "format", "--check", *files).stdout


def test_what_is_new_passes_the_contract_tests(project: Path) -> None:
    contracts = ["tests/architectures/test_every_architecture.py", "tests/datasets/test_every_dataset.py"]
    contracts += ["tests/evaluation/test_every_metric.py", "tests/search/test_every_policy.py"]
    chosen = ["-k", "two_convolutions or stripes or youden or ladder"]
    ended = python(project, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *chosen, *contracts)
    assert ended.returncode == 0, ended.stdout
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed is not None
    assert int(passed[1]) > 20


def test_the_new_study_runs_to_its_report_and_its_dataset_checks_out(project: Path) -> None:
    small = ["--trials", "2", "--epochs", "2", "--seeds", "1", "--image-size", "16", "--cache", "cache"]
    ended = python(project, "-m", "study.run", "stripes_study", *small)
    assert ended.returncode == 0, ended.stderr
    report = (project / "reports" / "stripes_study-standin.md").read_text()
    assert "# Lying or standing stripes" in report
    assert "two_convolutions" in report
    (drawn,) = (project / "cache" / "stand-in").glob("stripes-*")
    checked = python(project, "-m", "study.datasets", "check", "stripes", "--data", str(drawn))
    assert checked.returncode == 0, checked.stderr
    assert "240" in checked.stdout
