"""Where in the images the networks find what speaks for their answers, and whether these maps can be believed."""

from collections.abc import Mapping

import numpy as np

from study.evaluation.saliency_maps import ALIKE, Likeness, likeness
from study.records import Explanation, Explanations
from study.report.core import style
from study.report.core.figure import Drawing
from study.report.core.markdown import join, table
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.images.drawing import NUM_OF_A_KIND, maps_figure
from study.selection import NUM_LOOKED_AT
from study.wording import DASH, MINUS, NOTHING, counted, listing

Networks = Mapping[str, Explanation]

_MAPS = "maps"


def _render(context: Context) -> str:
    run = context.run
    if run.explanations is None or not run.explanations.networks:
        return ""
    networks = run.explanations.networks
    return join(
        [
            context.figure(_MAPS),
            " ".join(_without_maps(networks)),
            "Grad-CAM is coarse, and it shows where, not why: what speaks for an answer in a bright place need not be "
            "what a reader sees there. A map that looks right is no evidence that the answer is; one that looks wrong "
            "is a reason to distrust it.",
            "### Do the maps show what was learnt?",
            _verdict(networks),
            _table(networks),
            _how_to_read(networks),
        ]
    )


def _without_maps(networks: Networks) -> list[str]:
    """One sentence an architecture that has no map for some of the images."""
    sentences = []
    for pair, each in networks.items():
        reasons = [found.why_none for found in each.maps if found.heat is None]
        if reasons:
            sentences.append(
                f"{pair} has NO MAP for {len(reasons)} of {counted(len(each.maps), 'image')}: "
                f"{listing(sorted(set(reasons)))}."
            )
    return sentences


def _untrained(each: Explanation) -> Likeness:
    return likeness(value for found in each.maps for value in found.untrained)


def _other_images(each: Explanation) -> Likeness:
    return likeness(value for found in each.maps for value in found.other_images)


def _verdict(networks: Networks) -> str:
    """Which maps depend on the weights and on the image, as a map must that is to show what was learnt."""
    untrained = {pair: _untrained(each) for pair, each in networks.items()}
    images = {pair: _other_images(each) for pair, each in networks.items()}
    unknown = [pair for pair in networks if not (untrained[pair].known and images[pair].known)]
    fixed = [pair for pair in networks if pair not in unknown and untrained[pair].alike]
    habits = [pair for pair in networks if pair not in (*unknown, *fixed) and images[pair].alike]
    sound = [pair for pair in networks if pair not in (*unknown, *fixed, *habits)]
    parts = []
    if sound:
        parts.append(
            f"the maps of {listing(sound)} depend on the weights and on the image, in the mean over their images, "
            "as they must"
        )
    if habits:
        parts.append(
            f"those of {listing(habits)} depend on the weights, but are much the same for every image: they show a "
            "habit of the network (for the middle, say, or the borders), not what is in a single image"
        )
    if fixed:
        parts.append(
            f"those of {listing(fixed)} hardly depend on the weights: they show the image, not what was learnt from it"
        )
    if unknown:
        parts.append(
            f"of {listing(unknown)} it can't be told: most of the maps have one value throughout, or too few cells"
        )
    return f"What to see: {'; '.join(parts)}."


def _table(networks: Networks) -> str:
    rows = []
    for pair, each in networks.items():
        heat = next((found.heat for found in each.maps if found.heat is not None), None)
        cells = NOTHING if heat is None else f"{heat.shape[0]} x {heat.shape[1]}"
        rows.append([pair, cells, _words(_untrained(each)), _signed(each), _words(_other_images(each))])
    return table(["Architecture", "Cells of a map", "Random weights", "Another seed", "Other images"], rows)


def _words(found: Likeness) -> str:
    """`0.22 (0.02-0.65)`: mean and range."""
    if not found.num:
        return NOTHING
    undefined = f", {found.num_undefined} undefined" if found.num_undefined else ""
    return f"{found.mean:.2f} ({found.low:.2f}{DASH}{found.high:.2f}{undefined})"


def _signed(each: Explanation) -> str:
    """Mean and range with their sign: two trained networks have no reason to see things upside down."""
    known = [found.other_seed for found in each.maps if found.other_seed is not None]
    if not known:
        return NOTHING
    return f"{np.mean(known):.2f} ({min(known):.2f} to {max(known):.2f})".replace("-", MINUS)


def _how_to_read(networks: Networks) -> str:
    num_untrained = max(len(found.untrained) for each in networks.values() for found in each.maps)
    num_images = max(len(each.maps) for each in networks.values())
    return (
        f"Rank correlation (Spearman) of maps, mean and range over {counted(num_images, 'image')}; 1 is the same map. "
        f"*Random weights*: the same images, {counted(num_untrained, 'network')} of the same kind that learnt nothing "
        "(Adebayo et al. 2018). *Another seed*: the same images, the next seed run of the same recipe; where this is "
        "low, a map tells of one network, not of the task. *Other images*: the same network. Without "
        "its sign but for another seed, since random weights turn a map upside down as often as not; so unrelated maps "
        f"are not at 0, least of all maps of few cells. From {ALIKE:g} on they are called much the same."
    )


def _figures(context: Context) -> dict[str, Drawing]:
    run, explanations = context.run, context.run.explanations
    if explanations is None or not run.is_tested or not explanations.networks:
        return {}
    return {_MAPS: _maps(run, explanations)}


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


SECTION = Section(title="What do they look at?", render=_render, figures=_figures)
