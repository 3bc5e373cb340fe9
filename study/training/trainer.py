"""One training run, epoch by epoch."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from study import architectures
from study.evaluation import metrics as scoring
from study.spec import BFLOAT16
from study.training import augmentation, augmentation_policies, losses, optimization
from study.training.data import Images
from study.training.distributed import Peers, Share
from study.training.freezing import set_frozen, training_mode
from study.training.prediction import EVALUATION_BATCH_SIZE, Beat, nothing, predict_logits
from study.training.pretrained import put_into
from study.training.training_run import Outcome, Run

# Far from the seeds of all epochs.
_NEXT_PEER = 1_000_000_007

State = dict[str, Any]
Metrics = dict[str, float]


class DivergedError(Exception):
    """The loss became infinite or NaN: this recipe can't be trained."""


Report = Callable[[Metrics, Callable[[], State]], None]


class Training:
    """The state of a run, between epochs: what a checkpoint holds."""

    def __init__(self, run: Run, images: Images, beat: Beat = nothing) -> None:
        self.run, self.images, self.device, self.beat = run, images, images.device, beat
        self.peers = Peers()
        torch.manual_seed(run.seed)
        network = architectures.find(run.architecture)
        self.head = network.head
        self.model = network.build(run.recipe, run.num_logits, images.size_px)
        pretrained = run.pretrained if run.recipe.pretrained else None
        if pretrained is not None:
            put_into(self.model, pretrained)
        self.model.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.peers.synchronize(self.model)
        self.batch_size = min(run.recipe.batch_size, len(run.train))
        self.loss = losses.training_loss(run.recipe, run.train.counts(run.num_classes), self.device)
        self.policy = augmentation_policies.policy(run.modality, run.recipe.augmentation)
        self.standardization = (
            (pretrained and pretrained.standardization) or run.standardization or images.statistics(run.train.rows)
        )
        self.epoch = 0
        self.objective = scoring.find(run.objective)
        # Reports draw curves of ROC-AUC whatever a study chooses by.
        self.shown = list(dict.fromkeys(["roc_auc", self.objective.name]))
        self.best: State = {"epoch": 0, "score": math.nan, "loss": math.inf, "model": {}}
        self.history: list[Metrics] = []
        self._begin_stage()

    def _begin_stage(self) -> None:
        """Optimizer and schedule of the stage that the next epoch belongs to: two with `freeze_epochs`, else one."""
        recipe, epochs = self.run.recipe, self.run.epochs
        freeze_epochs = recipe.freeze_epochs
        self.frozen = self.epoch < freeze_epochs
        if self.frozen:
            epochs = freeze_epochs
        elif freeze_epochs:
            recipe, epochs = replace(recipe, lr=recipe.fine_tune_lr), epochs - freeze_epochs
        set_frozen(self.model, head=self.head, frozen=self.frozen)
        self.called = self.peers.prepared(self.model)
        num_steps = len(list(self._batches(torch.arange(len(self.run.train)))))
        self.optimizer = optimization.make_optimizer(self.model, recipe)
        self.schedule = optimization.make_schedule(self.optimizer, recipe, epochs * num_steps)

    def state(self) -> State:
        """Everything that the next epoch depends on, and the metrics so far: tensors, numbers and strings only."""
        return {
            "epoch": self.epoch,
            "recipe": self.run.recipe.hyperparameters(),
            "seed": self.run.seed,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "best": self.best,
            "history": self.history,
        }

    def restore(self, state: State) -> None:
        """Goes on from a checkpoint; the next epoch is the one that would have come."""
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.best = state["best"]
        # Those of an earlier version have none.
        self.history = list(state.get("history", ()))
        self._begin_stage()
        if self.epoch != self.run.recipe.freeze_epochs:
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])

    def run_epoch(self) -> Metrics:
        """Trains one epoch, evaluates val, and returns the epoch's metrics.

        Raises:
            DivergedError: the loss is not finite any more.
        """
        if self.frozen and self.epoch == self.run.recipe.freeze_epochs:
            self._begin_stage()
        self.epoch += 1
        lr = self.optimizer.param_groups[0]["lr"]
        started_s = time.perf_counter()
        train_logits, train_targets = self._train_epoch()
        trained_s = time.perf_counter()
        metrics = {"epoch": self.epoch, "lr": lr}
        metrics |= self._split_metrics("train", train_logits, train_targets)
        if not math.isfinite(metrics["train_loss"]):
            raise DivergedError(f"the training loss became {metrics['train_loss']} in epoch {self.epoch}")
        val_logits = self.predict(self.run.val.rows)
        metrics |= self._split_metrics("val", val_logits, torch.from_numpy(self.run.val.targets))
        if not math.isfinite(metrics["val_loss"]):
            raise DivergedError(f"the val loss became {metrics['val_loss']} in epoch {self.epoch}")
        self._keep_best(metrics)
        ended_s = time.perf_counter()
        metrics |= {
            "seconds": ended_s - started_s,
            "seconds_train": trained_s - started_s,
            "seconds_val": ended_s - trained_s,
        }
        self.history.append(metrics)
        return metrics

    def wants_to_stop(self) -> bool:
        """Whether the recipe's own early stopping has run out of patience."""
        patience = self.run.recipe.early_stopping
        # While all but the head is frozen the score levels off, and would end a training that has hardly begun.
        waited = self.epoch - max(self.best["epoch"], self.run.recipe.freeze_epochs)
        return bool(patience) and waited >= patience

    def outcome(self) -> Outcome:
        """Puts the best epoch's weights into the model."""
        self.model.load_state_dict(self.best["model"])
        return Outcome(
            model=self.model,
            standardization=self.standardization,
            epochs=self.epoch,
            best_epoch=self.best["epoch"],
            best_score=self.best["score"],
            best_loss=self.best["loss"],
        )

    def predict(self, rows: NDArray[np.int64]) -> Tensor:
        """Logits of these images, see `predict_logits`; each process answers for some of them."""
        batch_size = min(EVALUATION_BATCH_SIZE, self.run.micro_batch or EVALUATION_BATCH_SIZE)
        own = self.peers.share(len(rows)).positions
        logits = predict_logits(self.model, self.images, rows[own.numpy()], self.standardization, batch_size, self.beat)
        return self.peers.gathered(logits, own, len(rows))

    def _train_epoch(self) -> tuple[Tensor, Tensor]:
        """Logits and targets of the images as they were trained on, both on the CPU, in batch order."""
        training_mode(self.model, head=self.head, frozen=self.frozen)
        # All randomness of an epoch follows from seed and epoch: resuming needs no generator state, and an actor
        # that trained something else before gives the same numbers.
        epoch_seed = self.run.seed * 100_003 + self.epoch
        # Of dropout, which has to differ between images, wherever they are trained on.
        torch.manual_seed(epoch_seed + self.peers.rank * _NEXT_PEER)
        generator = torch.Generator().manual_seed(epoch_seed)
        order = torch.randperm(len(self.run.train), generator=generator)
        all_rows, all_targets = torch.from_numpy(self.run.train.rows), torch.from_numpy(self.run.train.targets)
        batches = list(self._batches(order))
        answered, places, num_seen = [], [], 0
        for picked in batches:
            self.beat()
            share = self.peers.share(len(picked))
            rows, targets = (values[picked[share.positions]] for values in (all_rows, all_targets))
            images = augmentation.augment(self.images.batch(rows), self.policy, generator, share)
            answered.append(self._step(images, targets.to(self.device), share))
            places.append(num_seen + share.positions)
            num_seen += len(picked)
        logits = self.peers.gathered(torch.cat(answered).float().cpu(), torch.cat(places), num_seen)
        return logits, all_targets[torch.cat(batches)]

    def _step(self, images: Tensor, targets: Tensor, share: Share) -> Tensor:
        """One optimizer step; returns the logits of this process's images, detached."""
        self.optimizer.zero_grad(set_to_none=True)
        # All processes need the same number of parts: they wait for one another in each.
        num_parts = _num_parts(share.num_images // self.peers.num, self.run.micro_batch)
        parts = list(zip(images.tensor_split(num_parts), targets.tensor_split(num_parts), strict=True))
        weight = self.peers.weight(share)
        logits = []
        for number, part in enumerate(parts, start=1):
            with self.peers.gradients_stay_here(self.called, until_last=number < num_parts):
                logits.append(self._add_gradients(*part, weight=weight * len(part[0]) / len(images)))
        self.optimizer.step()
        self.schedule.step()
        return torch.cat(logits)

    def _add_gradients(self, images: Tensor, targets: Tensor, *, weight: float) -> Tensor:
        """Adds a part of the batch's gradient; returns the logits, detached."""
        with self._autocast():
            logits: Tensor = self.called(self.standardization(images))
            loss = self.loss(logits.float(), targets)
        (loss if weight == 1 else loss * weight).backward()
        return logits.detach()

    def _batches(self, order: Tensor) -> Iterator[Tensor]:
        for batch in order.split(self.batch_size):
            # Batch normalization has no variance over a single image, so a last batch of one is left out; the
            # shuffling makes it another image each epoch. A recipe that asks for batches of one gets them.
            if len(batch) > 1 or self.batch_size == 1:
                yield batch

    def _autocast(self) -> torch.autocast:
        enabled = self.run.precision == BFLOAT16
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def _split_metrics(self, split: str, logits: Tensor, targets: Tensor) -> Metrics:
        probabilities = losses.probabilities(logits)
        decisions = probabilities.argmax(dim=1)
        metrics = {
            f"{split}_loss": losses.log_loss(logits, targets),
            f"{split}_accuracy": float((decisions == targets).float().mean()),
        }
        scores = scoring.scores(targets.numpy(), probabilities.double().numpy(), names=self.shown)
        return metrics | {f"{split}_{name}": score for name, score in scores.items()}

    def _keep_best(self, metrics: Metrics) -> None:
        """The best epoch is that with the best objective on val, ties by the lower loss."""
        score = metrics[f"val_{self.objective.name}"]
        rank = (self.objective.merit(score), -metrics["val_loss"])
        if not self.best["epoch"] or rank > (self.objective.merit(self.best["score"]), -self.best["loss"]):
            weights = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.best = {
                "epoch": self.epoch,
                "score": score,
                "loss": metrics["val_loss"],
                "model": weights,
            }


def _num_parts(num_images: int, micro_batch: int) -> int:
    """Into how many micro-batches a batch is divided; none is a single image, which has no variance to normalize by."""
    if not micro_batch or micro_batch >= num_images:
        return 1
    return max(1, min(math.ceil(num_images / micro_batch), num_images // 2))


def train(
    run: Run, images: Images, *, report: Report, resume_from: State | None = None, beat: Beat = nothing
) -> Outcome:
    """Trains a run to the end of its budget, or until its recipe's early stopping ends it.

    Args:
        run: what is trained.
        images: the pixels.
        report: called after each epoch with its metrics and a function that returns the checkpoint's state.
        resume_from: a checkpoint's state to go on from.
        beat: called at least once a batch, as a sign of life.

    Raises:
        DivergedError: the loss is not finite any more.
    """
    training = Training(run, images, beat)
    if resume_from is not None:
        training.restore(resume_from)
    while training.epoch < run.epochs and not training.wants_to_stop():
        report(training.run_epoch(), training.state)
    return training.outcome()
