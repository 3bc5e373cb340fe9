"""Figures of single images: the most confident mistakes, suspected labels, and what the networks look at."""

from collections.abc import Mapping, Sequence

from study.evaluation.examples import NUM_LOOKED_AT, Example, listed
from study.records import Explanations, Pixels
from study.report.core import style
from study.report.core.figure import Drawing
from study.report.core.study_run import Run
from study.report.images.drawing import NUM_OF_A_KIND, examples_sheet, maps_figure
from study.wording import counted, fraction, listing


def drawings_of_images(run: Run) -> dict[str, Drawing]:
    """Name -> figure of single images, where these were recorded."""
    if run.explanations is None or not run.is_tested:
        return {}
    found = {
        name: _examples(run, shown, run.explanations.thumbnails)
        for name, shown in listed(run.predictions).items()
        if shown and all(each.path in run.explanations.thumbnails for each in shown)
    }
    if run.explanations.networks:
        found["maps"] = _maps(run, run.explanations)
    return found


def _examples(run: Run, shown: Sequence[Example], thumbnails: Mapping[str, Pixels]) -> Drawing:
    words = [f"{run.classes[e.target]} taken for {run.classes[e.answer]} ({fraction(e.of_answer)})" for e in shown]
    return Drawing(
        sees="Beneath each image, in the order of the table, its label, and after the arrow the answer and its "
        "probability.",
        alt=f"{counted(len(shown), 'image')}: {'; '.join(words)}",
        draw=lambda: examples_sheet(shown, run.classes, thumbnails),
        num_colours=style.MANY_COLOURS,
    )


def _maps(run: Run, explanations: Explanations) -> Drawing:
    networks = explanations.networks
    numbers = sorted({each.seed_run for each in networks.values()})
    return Drawing(
        sees="What to see: whether what is bright lies where a reader would look, in the wrong answers as in the right "
        "ones.",
        how="Above stands each image with its class, beneath it the map of what speaks for the answer (Grad-CAM, "
        f"Selvaraju et al. 2017) with the answer and its probability, of seed run {listing([str(n) for n in numbers])} "
        "of the tuned recipe. Right and wrong are the most confident answers, random images are the same for all "
        f"architectures; {NUM_OF_A_KIND} of {NUM_LOOKED_AT} that were recorded of each are shown. Each map is as "
        "bright as it can be, however weak it is.",
        alt=f"Test images that {listing(list(networks))} answered rightly and wrongly, and random ones, each above its "
        "Grad-CAM map",
        draw=lambda: maps_figure(networks, run.classes, explanations.thumbnails),
        num_colours=style.MANY_COLOURS,
    )
