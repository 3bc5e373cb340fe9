"""What architectures and recipes are called, so that no page promises what a network was not given.

Trial 0 of a pair is its starting recipe. It is called the document's only where it is: a reference starts from this
project's default, and a recipe without the pretrained weights that it asks for is another recipe.
"""

from collections.abc import Sequence

from study.records import TUNED
from study.report.core.study_run import Run
from study.wording import listing


def label(run: Run, pair: str) -> str:
    """The architecture's name, with a mark if it was trained from scratch where its recipe wanted it pretrained."""
    return f"{pair} (from scratch)" if pair in run.from_scratch else pair


def card_name(pair: str) -> str:
    """The file of an architecture's model card, in the folder of the report's figures."""
    return f"model-card-{pair}.md"


def starting_recipe(run: Run, pairs: Sequence[str]) -> str:
    """`document's recipe` where all of these architectures start from it, else `starting recipe`."""
    return "document's recipe" if all(run.has_documents_recipe(pair) for pair in pairs) else "starting recipe"


def recipe_title(run: Run, pair: str, recipe_name: str) -> str:
    """What a recipe of an architecture is called in a sentence."""
    return "tuned recipe" if recipe_name == TUNED else starting_recipe(run, [pair])


def origins(run: Run) -> str:
    """Where each architecture's starting recipe comes from."""
    references = [pair for pair in run.pairs if run.is_reference(pair)]
    others = [pair for pair in run.pairs if pair not in references]
    parts = {
        "the document's for": [pair for pair in others if run.has_documents_recipe(pair)],
        "the document's but for its weights for": [
            pair for pair in others if run.manifest.document and not run.has_documents_recipe(pair)
        ],
        "the study's own for": others if not run.manifest.document else [],
        "this project's default for": references,
    }
    return "; ".join(f"{words} {listing(pairs)}" for words, pairs in parts.items() if pairs)
