"""Whether early stopping threw away a winner: what the trials say that it may not end."""

import math
from collections.abc import Mapping

from study.evaluation.search_statistics import MIN_TRIALS_FOR_TAU
from study.records import COMPLETE, Trial
from study.report.core.study_run import Run
from study.report.search.accounting import Audit, audit, final_score, merit_of, num_audited
from study.report.search.tables import audit_table
from study.wording import counted, fraction, listing, shown


def what_it_missed(run: Run) -> list[str]:
    """The audit in sentences and a table, or how to get one."""
    heading = "### Did early stopping throw away a winner?"
    audits = {pair: audit(run, pair) for pair in run.pairs}
    lost = [_lost(run, pair) for pair, found in audits.items() if _is_finalist(run, pair, found)]
    if not num_audited(run):
        missing = (
            "Unknown: no trial was audited. `--audit N` trains N trials of each pair, chosen in advance, to their end "
            "whatever the rungs say."
        )
        return [heading, " ".join([missing, *lost])]
    if not any(found.trials for found in audits.values()):
        return [heading, "No audited trial has run to its end yet."]
    return [heading, " ".join([_verdict(run, audits), *lost, _how_to_read(run, audits)]), audit_table(run, audits)]


def _verdict(run: Run, audits: Mapping[str, Audit]) -> str:
    """Whether a rung would have ended a finalist, or by how much the trials that it would have ended fell short."""
    lost = [pair for pair, found in audits.items() if _is_finalist(run, pair, found)]
    sample = (
        f"among the {counted(sum(len(found.trials) for found in audits.values()), 'trial')} that were never stopped"
    )
    if lost:
        return f"What to see: early stopping would have thrown away the winner of {listing(lost)}."
    short = {trial.id: (_shortfall(run, trial), trial) for found in audits.values() for trial in found.spared}
    if not short:
        return f"What to see: no rung would have ended any {sample}, so they say nothing of what early stopping costs."
    gap, closest = min(short.values(), key=lambda each: each[0])
    return (
        f"What to see: early stopping threw away no winner {sample}. Rungs would have ended {len(short)} of them; the "
        f"closest, {closest.pair}'s {_scored(closest)}, ended {fraction(gap)} below the finalist."
    )


def _shortfall(run: Run, trial: Trial) -> float:
    finalist, merit = run.state.finalist(trial.pair), run.objective.merit
    return merit(finalist.best_score) - merit(final_score(trial)) if finalist else math.nan


def _lost(run: Run, pair: str) -> str:
    """What would have won if a rung had ended the finalist."""
    done = [trial for trial in run.search(pair) if trial.state == COMPLETE]
    spared, others = ([trial for trial in done if bool(trial.spared) == ended] for ended in (True, False))
    finalist, best = max(spared, key=merit_of), max(others, key=merit_of, default=None)
    instead = f"the best would have been {_scored(best)}" if best else "no trial would have run to its end"
    return (
        f"A rung would have ended the finalist of {pair}, {_scored(finalist)}, after "
        f"{counted(min(finalist.spared), 'epoch')}; then {instead}."
    )


def _how_to_read(run: Run, audits: Mapping[str, Audit]) -> str:
    words = (
        f"{counted(num_audited(run), 'trial')} of each pair and trial 0 were chosen before they began, so unlike those "
        "that passed the rungs they are no selection. Kendall's tau (95 % interval) says how well their order at the "
        "first rung foretells that at the end: 1 is the same order, 0 none. The fewer trials, the wider it is."
    )
    few = [pair for pair, found in audits.items() if len(found.trials) < MIN_TRIALS_FOR_TAU]
    equal = [pair for pair, found in audits.items() if pair not in few and math.isnan(found.tau.mean)]
    if few:
        words += f" It needs at least {MIN_TRIALS_FOR_TAU} trials: too few for {listing(few)}."
    if equal:
        words += f" The trials of {listing(equal)} have no order, since they score the same."
    return words


def _is_finalist(run: Run, pair: str, found: Audit) -> bool:
    finalist = run.state.finalist(pair)
    return finalist is not None and finalist.id in {trial.id for trial in found.spared}


def _scored(trial: Trial) -> str:
    return f"trial {trial.number} with {shown(final_score(trial), trial.objective.shown_as)}"
