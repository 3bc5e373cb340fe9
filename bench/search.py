"""Is our search worth it? Its real controller, searcher and rungs against random search, Optuna's TPE and stock ASHA.

    uv run python bench/search.py train --data ../shared/data/brain_tumor_mri
    uv run python bench/search.py replay [--seeds 50] [--first-seed 0] [--processes 1] [--variants]
    uv run python bench/search.py live --data ../shared/data/brain_tumor_mri [--trials 24]

`train` (about an hour on one idle core) trains recipes of the baseline CNN at 32 px for 27 epochs and appends their val
curves to `bench/search_curves.csv`; what is there is not trained again. It sees a holdout of the Training images alone.
`replay` (minutes) fits a surrogate to these curves, says how good it is, and searches it, and a formula with a known
optimum, with each method and seed; `--variants` tries other settings of ours. `live` (about 15 minutes) lets our search
really train, with three seeds, against recipes drawn from the table.
"""

import argparse
import warnings
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("--data", type=Path, required=True)
    replaying = commands.add_parser("replay")
    replaying.add_argument("--seeds", type=int, default=50)
    replaying.add_argument("--first-seed", type=int, default=0, help="others than those that chose our settings")
    replaying.add_argument("--processes", type=int, default=1)
    replaying.add_argument("--variants", action="store_true")
    living = commands.add_parser("live")
    living.add_argument("--data", type=Path, required=True)
    living.add_argument("--trials", type=int, default=24)
    options = parser.parse_args()
    # Optuna calls some of the sampler's options experimental.
    warnings.simplefilter("ignore")
    if options.command == "train":
        import search_table

        search_table.train_table(options.data)
    elif options.command == "live":
        import search_live

        print(search_live.compare(options.data, options.trials))
    else:
        import search_replay
        import search_surrogate
        import search_variants

        print(search_surrogate.quality())
        print(search_surrogate.stopping())
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        for problem in (search_replay.BRAIN, search_replay.SYNTHETIC):
            found = search_replay.search_all(problem, search_replay.METHODS, seeds, options.processes)
            print(search_replay.report(problem, found), flush=True)
            if options.variants:
                found = search_replay.search_all(
                    problem, search_variants.VARIANTS, seeds, options.processes, search_variants.SHARE
                )
                print(search_variants.report(problem, found), flush=True)


if __name__ == "__main__":
    main()
