"""The arguments of `python -m study.run`, read into its options."""

import argparse
from collections.abc import Sequence

from study.command import Parser
from study.option_fields import add_options, read_options
from study.planning.options import Options

_EXAMPLES = """\
examples:
  python -m study.run her2_binary                            on drawn stand-in images, for there are no others
  python -m study.run brain_tumor --data path/to/images      on real ones
  python -m study.run brain_tumor --data path --dry-run      what would be run, and how long it takes
  python -m study.run brain_tumor --data path --holdout      for developing: the official test split stays closed
  python -m study.run --images path/to/class/folders         a study of one's own images
  python -m study.run --images scans --labels table.csv --save search_spaces/scans.py
  python -m study.run her2_binary blood_cell --budget demo   two studies as one experiment
  python -m study.run all --address auto                     all of them, on the cluster that this machine is in

The same command again goes on with a study that was interrupted. Afterwards:
  python -m study.report NAME        python -m study.predict NAME IMAGE...
  python -m study.demo NAME          python -m study.export NAME --out DIR
"""


def parse(arguments: Sequence[str]) -> Options:
    """The options that the arguments give; names of studies may stand before and after flags.

    Raises:
        SystemExit: with code 2 and a message on stderr, they can't be read; or with code 0, the help was asked for.
    """
    parser = Parser(
        prog="python -m study.run",
        description="Runs a whole hyperparameter study, or goes on with it, and writes its report.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser, Options)
    return read_options(parser.parse_intermixed_args(arguments), Options)
