"""Finds the weights that pretrained pairs start from, or turns such a pair into one that is trained from scratch."""

import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from study import architectures
from study.errors import DataError, DeclarationError, StudyError, UnknownNameError
from study.spec import Recipe, Study, ray_domains
from study.training.pretrained import NoWeightsError, Pretrained, check_fit, from_file, from_torchvision

# Without pretrained weights there is nothing to freeze and nothing to fine-tune.
TRANSFER_HYPERPARAMETERS = ("freeze_epochs", "fine_tune_lr")


@dataclass(frozen=True)
class Transfer:
    """A study whose pretrained pairs have their weights.

    Attributes:
        study: as it will be run; pairs without weights have become pairs that are trained from scratch.
        pretrained: pair -> weights.
        from_scratch: pair that its recipe wanted pretrained -> why it is trained from scratch.
    """

    study: Study
    pretrained: Mapping[str, Pretrained]
    from_scratch: Mapping[str, str]


def weights_for(pairs: Container[str], files: Sequence[str]) -> list[str]:
    """Those of the files, "PAIR=FILE" or "FILE", that are not for another study's pairs."""
    return [given for given in files if "=" not in given or given.partition("=")[0] in pairs]


def resolve(
    study: Study, files: Sequence[str], *, image_sizes: Mapping[str, int], num_logits: int, stand_in: bool
) -> Transfer:
    """Gets the weights of all pretrained pairs.

    Args:
        study: as declared.
        files: "PAIR=FILE", or "FILE" where one pair alone is pretrained.
        image_sizes: pair -> side in pixels of its images.
        num_logits: of the networks.
        stand_in: drawn images show that the program works, which networks from scratch do as well.

    Raises:
        StudyError: weights can't be had or don't fit, or a file is given for no pair.
    """
    file_of = _files(study, files)
    pairs = {
        pair: replace(recipe, pretrained=True) if pair in file_of else recipe for pair, recipe in study.pairs.items()
    }
    study = replace(study, pairs=pairs)
    pretrained, from_scratch = {}, {}
    for pair, recipe in pairs.items():
        if not recipe.pretrained:
            continue
        model = architectures.find(pair).build(recipe, num_logits, image_sizes[pair])
        try:
            weights = from_file(file_of[pair], pair, model) if pair in file_of else from_torchvision(pair, model)
            study = _within_reach(study, pair, weights, image_sizes[pair], num_logits)
            pretrained[pair] = weights
        except NoWeightsError as error:
            if not (stand_in or study.allow_from_scratch):
                raise
            print(f"{error.why}. {pair} is trained FROM SCRATCH; --weights {pair}=FILE gives weights.", file=sys.stderr)
            from_scratch[pair] = str(error)
            study = _without_weights(study, pair)
    return Transfer(study, pretrained, from_scratch)


def _within_reach(study: Study, pair: str, weights: Pretrained, image_size: int, num_logits: int) -> Study:
    """The study without those dimensions of a pair in which its weights fit no other network than the recipe's."""
    architecture, dropped = architectures.find(pair), []
    for name, domain in study.space_of(pair).items():
        if name not in architecture.hyperparameters:
            continue
        for value in ray_domains.corner_values(domain):
            network = architecture.build(study.pairs[pair].with_values({name: value}), num_logits, image_size)
            try:
                check_fit(architecture, weights.base, network, weights.source)
            except DataError:
                dropped.append(name)
                break
    if not dropped:
        return study
    print(f"{pair} keeps the {', '.join(dropped)} of its weights ({weights.source}).", file=sys.stderr)
    return _without(study, pair, dropped)


def longest_freeze(study: Study, pair: str) -> int:
    """The most epochs for which a recipe of this pair freezes all but the head."""
    return max(int(value) for value in ray_domains.possible_values(study, pair, "freeze_epochs"))


def check_freezing(study: Study, epochs: int) -> None:
    """Raises DeclarationError where the budget ends before everything is trained, or nothing is there to freeze."""
    for pair, recipe in study.pairs.items():
        if "pretrained" in study.space_of(pair) or any("pretrained" in v for v in study.tried.get(pair, ())):
            raise DeclarationError(
                f"Whether a network is pretrained is not searched, but {pair!r} searches or tries it. Put it into the "
                "recipe of the pair."
            )
        searched = [name for name in TRANSFER_HYPERPARAMETERS if name in study.space_of(pair)]
        if searched and not recipe.pretrained:
            raise DeclarationError(
                f"{' and '.join(TRANSFER_HYPERPARAMETERS)} are for pretrained pairs, but {searched[0]!r} of {pair!r} "
                "is searched without pretrained=True."
            )
        longest = longest_freeze(study, pair)
        if longest >= epochs:
            raise DeclarationError(
                f"A budget must be longer than the epochs for which a pair is frozen, but {pair!r} is frozen for "
                f"{longest} of {epochs} epochs. Give --epochs {longest + 1} or more."
            )


def _files(study: Study, files: Sequence[str]) -> dict[str, Path]:
    wanting = [pair for pair, recipe in study.pairs.items() if recipe.pretrained]
    file_of: dict[str, Path] = {}
    for given in files:
        pair, equals, path = given.partition("=")
        if not equals:
            if len(wanting) != 1:
                raise StudyError(
                    f"--weights FILE is for a study with one pretrained pair, but this one has {len(wanting)} "
                    f"({', '.join(wanting) or 'none'}). Give --weights PAIR=FILE."
                )
            pair, path = wanting[0], given
        if pair not in study.pairs:
            raise UnknownNameError("pair", pair, study.pairs)
        file_of[pair] = Path(path)
    return file_of


def _without_weights(study: Study, pair: str) -> Study:
    # Statistics that were never learnt must be learnt: without them the deep networks don't train at all.
    recipe: Recipe = study.pairs[pair].with_values({"pretrained": False, "freeze_epochs": 0, "batchnorm": True})
    study = _without(study, pair, (*TRANSFER_HYPERPARAMETERS, "batchnorm"))
    return replace(study, pairs={**study.pairs, pair: recipe})


def _without(study: Study, pair: str, dropped: Container[str]) -> Study:
    """The study in which a pair neither explores nor tries these hyperparameters."""
    entries = {name: domain for name, domain in study.space_of(pair).items() if name not in dropped}
    tried: list[dict[str, Any]] = []
    for values in study.tried.get(pair, ()):
        left = {name: value for name, value in values.items() if name not in dropped}
        if left and left not in tried:
            tried.append(left)
    spaces = {other: study.space_of(other) for other in study.pairs} | {pair: entries}
    return replace(study, space={}, pair_space=spaces, tried={**study.tried, pair: tuple(tried)})
