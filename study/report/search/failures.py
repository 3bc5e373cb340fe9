"""What failed in the searches, so that no reader takes an unequal comparison for an equal one."""

from study.records import FAILED, RUNNING, Trial
from study.report.core.markdown import plain
from study.report.core.study_run import Run
from study.report.search.accounting import spending
from study.wording import counted, listing

_LONGEST_REASON = 120


def failures(run: Run, pair: str) -> list[str]:
    """One sentence on a pair whose searched trials failed, all of them or some; none where none did."""
    failed = [trial for trial in run.search(pair) if trial.state == FAILED]
    if not failed:
        return []
    if len(failed) == len(run.search(pair)):
        which = (
            f"the only searched trial of {pair}" if len(failed) == 1 else f"all {len(failed)} searched trials of {pair}"
        )
        return [f"{which[0].upper()}{which[1:]} FAILED: {_reasons(failed)}."]
    ended, budget = spending(run, pair).ended, run.manifest.budget.trials
    return [f"{pair}: {ended} of {counted(budget, 'trial')} ended; {len(failed)} FAILED ({_reasons(failed)})."]


def unequal(run: Run) -> list[str]:
    """One sentence where the searches are over and some had more trials to choose from than others."""
    trials = run.manifest.budget.trials
    under_way = any(len(run.search(p)) < trials or spending(run, p).states[RUNNING] for p in run.pairs)
    # A pair without any has no finalist to compare.
    ended = {pair: number for pair in run.pairs if (number := spending(run, pair).ended)}
    most, least = max(ended.values(), default=0), min(ended.values(), default=0)
    if least == most or (under_way and not run.state.test_opened):
        return []
    full = [pair for pair in ended if ended[pair] == most]
    fewer = [f"that of {pair} from {ended[pair]}, {most - ended[pair]} fewer" for pair in ended if ended[pair] < most]
    return [
        f"The comparison is unequal: the finalist of {listing(full)} was chosen from {counted(most, 'trial')} that "
        f"ended, {listing(fewer)}."
    ]


def _reasons(failed: list[Trial]) -> str:
    """`2 diverged: loss is nan; 1 lost: the worker died`: by kind, with the first reason of each.

    A log of version 0.1.0 knows no kinds: there, each reason is one.
    """
    kinds: dict[str, list[Trial]] = {}
    for trial in failed:
        kinds.setdefault(str(trial.result.get("kind") or _reason(trial)), []).append(trial)
    return "; ".join(_words(kind, trials, is_only=len(kinds) == 1) for kind, trials in kinds.items())


def _words(kind: str, trials: list[Trial], *, is_only: bool) -> str:
    count = "" if is_only else f"{len(trials)} "
    reason = _reason(trials[0])
    return f"{count}{kind}" if reason in ("", kind) else f"{count}{kind}: {reason}"


def _reason(trial: Trial) -> str:
    reason = plain(str(trial.result.get("reason", "")))
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON].rstrip()}..."
