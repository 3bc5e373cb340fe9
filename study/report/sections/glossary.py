"""What the words of a report mean, for a reader who meets them for the first time."""

from study.report.core.markdown import table
from study.report.core.naming import starting_recipe
from study.report.core.section import Context, Section
from study.report.core.study_tables import shown_hyperparameters

_TERMS = {
    "pair": "a data set and an architecture; each is searched for itself",
    "trial": "one training with one set of hyperparameters, during the search",
    "rung": "an epoch at which trials of a pair are compared, and the worse ones stopped",
    "finalist, tuned recipe": "the hyperparameters of the trial that won its search",
    "seed run": "a training of a finalist, or of the recipe that its search started from, with a seed of its own",
    "ensemble": "the mean of what the seed runs of one recipe answer",
    "group": "images that show the same, or come from one patient or slide: they stay in one split",
    "told apart": "the interval of the difference excludes zero; where it doesn't, either may be the better one",
    "macro average": "the mean over the classes, however many images each has",
}
# A recipe's hyperparameters, see `study.spec.Recipe`.
HYPERPARAMETERS = {
    "optimizer": "adam, adamw, or sgd (with Nesterov momentum)",
    "lr": "learning rate at its peak",
    "weight_decay": "penalty on large weights",
    "batch_size": "images of one optimizer step",
    "schedule": "of the learning rate over the epochs: constant, cosine (to zero) or onecycle",
    "early_stopping": "epochs without a better val score after which a training ends itself; zero is never",
    "augmentation": "random changes of training images, as far as their kind allows: turns, shifts and flips if light; "
    "if strong, also brightness, contrast, noise or stain",
    "pos_weight": "weight of the positive class in the loss",
    "class_weight_power": "how much rare classes weigh more in the loss: zero is not at all, one is evenly",
    "dropout": "share of units that are left out at random before the dense layers",
    "batchnorm": "whether convolutions are followed by batch normalization; in pretrained networks, whether its "
    "statistics go on being updated",
    "kernel_size": "side of the convolutions' kernels, in pixels",
    "dense_units": "width of the dense layer before the last",
    "width": "channels of the first convolution",
    "depth": "blocks of convolutions",
    "pretrained": "whether training starts from weights that were learnt on other images",
    "freeze_epochs": "epochs at the beginning in which only the last layer of a pretrained network learns",
    "fine_tune_lr": "learning rate after these",
}


def _render(context: Context) -> str:
    """A table of the terms, and of the hyperparameters that the recipes of this run have."""
    run = context.run
    used = dict.fromkeys(name for pair in run.pairs for name in shown_hyperparameters(run, pair))
    start = {starting_recipe(run, run.pairs): "the hyperparameters of trial 0, with which the search of a pair starts"}
    rows = [[term, meaning] for term, meaning in (_TERMS | start).items()]
    rows += [[f"`{name}`", HYPERPARAMETERS[name]] for name in used]
    return table(["Word", "Meaning"], rows, left=2)


SECTION = Section(title="Words", render=_render)
