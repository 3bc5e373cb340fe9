"""The ids of trials: a trial's checkpoints, weights and predictions are named after it.

Those of fold 0 don't name it: a study without outer cross-validation has no other.
"""


def search_trial_id(pair: str, number: int, fold: int = 0) -> str:
    """The id of a searched trial: "lenet-search3", or "lenet-fold1-search3" of another fold."""
    return f"{_of_fold(pair, fold)}-search{number}"


def seed_trial_id(pair: str, recipe_name: str, number: int, fold: int = 0) -> str:
    """The id of a seed run: "lenet-tuned-seed2", or "lenet-fold1-tuned-seed2" of another fold."""
    return f"{_of_fold(pair, fold)}-{recipe_name}-seed{number}"


def _of_fold(pair: str, fold: int) -> str:
    return f"{pair}-fold{fold}" if fold else pair
