"""A session from Python: what the command does, without the command."""

from pathlib import Path

import pytest

from study.cli.study_selection import find_study
from study.errors import ResultsError, UnknownNameError
from study.planning.options import Options
from study.session import plan_studies, require_runnable, try_plan


@pytest.fixture
def options(tiny_images: Path, tmp_path: Path) -> Options:
    return Options(data=tiny_images, results=tmp_path / "results", cache=tmp_path / "cache", trials=1, dry_run=True)


def test_studies_are_planned_and_tried_without_a_command(
    options: Options, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plan,) = plan_studies({str(tiny_study): find_study(str(tiny_study))}, options)
    assert plan.run == "tiny"
    assert plan.budget.trials == 1
    tried = try_plan(plan, options)
    assert [each.pair for each in tried.pairs] == list(plan.study.pairs)
    require_runnable([tried])
    assert not options.results.exists()
    # What is shown is up to who calls.
    assert capsys.readouterr().out == ""


def test_a_network_that_cannot_be_trained_is_refused_with_its_study(
    options: Options, tiny_study: Path, tmp_path: Path
) -> None:
    file = tmp_path / "far.py"
    file.write_text(
        tiny_study.read_text().replace('"lenet": Recipe(batch_size=8)', '"lenet": Recipe(batch_size=8, lr=1e30)')
    )
    (plan,) = plan_studies({str(file): find_study(str(file))}, options)
    tried = try_plan(plan, options)
    with pytest.raises(ResultsError, match="far: lenet: DivergedError"):
        require_runnable([tried])


def test_weights_for_a_network_of_no_study_are_refused_before_anything_is_read(
    options: Options, tiny_study: Path, tmp_path: Path
) -> None:
    unknown = Options(cache=options.cache, weights=("lennet=x.pth",))
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet'"):
        list(plan_studies({str(tiny_study): find_study(str(tiny_study))}, unknown))
    assert not options.cache.exists()
