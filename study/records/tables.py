"""The files of a run that are derived from its event log: `study.json` and the CSV tables."""

import json
from pathlib import Path

import pandas as pd

from study import records


def trials_table(state: records.StudyState, kind: str) -> pd.DataFrame:
    """One row a trial of that kind: identity, recipe, state, epochs, best val score, seconds."""
    has_folds = len(state.folds) > 1
    rows = [
        {
            "pair": trial.pair,
            **({"fold": trial.fold} if has_folds else {}),
            "number": trial.number,
            # Not "recipe": the columns after it are the recipe.
            **({"recipe_name": trial.recipe_name} if kind == records.SEED else {}),
            "seed": trial.seed,
            **({"origin": trial.origin, "audited": trial.audited} if kind == records.SEARCH else {}),
            **trial.recipe.hyperparameters(),
            "state": trial.state,
            "epochs": len(trial.epochs),
            f"best_val_{trial.objective.name}": trial.best_score,
            "seconds": round(trial.seconds, 3),
            "attempts": len(trial.attempts) + 1,
            "micro_batch": trial.micro_batch,
            "reason": trial.result.get("reason", ""),
        }
        for trial in state.of_kind(kind)
    ]
    return pd.DataFrame(rows)


def epochs_table(state: records.StudyState) -> pd.DataFrame:
    """One row an epoch of every trial."""
    rows = [
        {"trial": t.id, "pair": t.pair, "kind": t.kind, "number": t.number}
        | {k: v for k, v in e.items() if k not in ("event", "time", "trial")}
        for t in state.trials.values()
        for e in t.epochs
    ]
    return pd.DataFrame(rows)


def write_derived(folder: records.RunFolder, state: records.StudyState) -> list[Path]:
    """Rebuilds `study.json` and the CSV tables from the replayed log, and returns their paths."""
    contents = {
        folder.manifest: json.dumps(state.manifest.to_json(), indent=2) + "\n",
        folder.trials: trials_table(state, records.SEARCH).to_csv(index=False),
        folder.seed_runs: trials_table(state, records.SEED).to_csv(index=False),
        folder.epochs: epochs_table(state).to_csv(index=False),
    }
    for path, content in contents.items():
        records.write_atomically(path, content)
    return list(contents)
