"""What a reader must know first: warnings, question, verdict, what the commands use, result grid, provenance."""

from study.report.core.analysis import Analysis
from study.report.core.figure import Drawing
from study.report.core.markdown import bullets, join
from study.report.core.naming import starting_recipe
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.overview.deployed import in_use
from study.report.overview.summary import gaps, opening, provenance, question, verdict
from study.report.results.figures import score_intervals
from study.report.results.grid import result_grid
from study.report.results.published import comparison_notes, published_notes
from study.wording import counted, listing, shown

_TEST_SCORES = "test-scores"


def _render(context: Context) -> str:
    run, analysis = context.run, context.analysis
    missing = gaps(run)
    return join(
        [
            *opening(run),
            question(run),
            verdict(run, analysis),
            in_use(run, analysis),
            join(["**What is missing:**", bullets(missing)]) if missing else "",
            _how_to_read(run, analysis),
            result_grid(run, analysis),
            "<br>".join(published_notes(run)),
            " ".join(comparison_notes(run)),
            provenance(run),
            context.figure(_TEST_SCORES),
        ]
    )


def _how_to_read(run: Run, analysis: Analysis) -> str:
    """What the rows and marks of the result grid mean."""
    if not analysis.rows:
        return "No seed run has been trained yet: so far there are only values to compare with."
    seeds = counted(run.manifest.budget.seeds, "seed run")
    words = (
        f"Tuned recipes, mean over {seeds}; on test with 95 % intervals. The ensemble answers with the mean "
        "probability of the seeds. The best of the networks' means on test is bold only if it is told apart from the "
        "next; a network that nearly always gives one answer has nothing bold but its ROC-AUC. Compare with always "
        "giving the most frequent class of train as the answer."
    )
    if len(run.classes) == 2:
        return words
    return (
        f"{words} Precision, recall, specificity and ROC-AUC are macro averages (such a recall is also called balanced "
        "accuracy); the weighted ROC-AUC counts each class by its number of images."
    )


def _figures(context: Context) -> dict[str, Drawing]:
    if not context.run.is_tested:
        return {}
    run, analysis = context.run, context.analysis
    objective, scores = run.objective, analysis.on_test()
    words = [f"{name} {shown(scores[name], objective.shown_as)}" for name in analysis.ranked()]
    drawing = Drawing(
        sees=f"Filled marks are the tuned recipe, hollow ones the {starting_recipe(run, list(scores))}; whether two "
        "are told apart is in the table of differences, since intervals that overlap don't answer that.",
        alt=f"Test {objective.words} with 95 % intervals: {listing(words)}",
        draw=lambda: score_intervals(run, analysis),
    )
    return {_TEST_SCORES: drawing}


# The report's own title stands above it.
SECTION = Section(title="", render=_render, figures=_figures)
