"""What `python -m study.run` can be given."""

import argparse
from pathlib import Path

import platformdirs

from study.command import Parser, add_verbose, positive, whole_number
from study.datasets.images import groups
from study.spec import BUDGETS, PRECISIONS
from study.spec.own_images import MODALITIES

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


def parser() -> argparse.ArgumentParser:
    """Of the arguments of `python -m study.run`."""
    made = Parser(
        prog="python -m study.run",
        description="Runs a whole hyperparameter study, or goes on with it, and writes its report.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("names", nargs="*", metavar="NAME", help="a file in search_spaces/ (without .py), or a path to one; all")
    add("--list", action="store_true", help="show all studies with their data, architectures and status")
    add(
        "--data",
        type=_folder_or_uri,
        metavar="DIR",
        help="folder of the dataset; or its URI, such as s3://bucket/folder",
    )
    add("--budget", choices=list(BUDGETS), help="default: demo on drawn images, standard on real ones")
    add("--trials", type=int, metavar="N", help="searched trials of each pair")
    add("--epochs", type=int, metavar="N", help="full budget of a trial")
    add("--seeds", type=int, metavar="K", help="seed runs of each finalist")
    add("--audit", type=whole_number(0), metavar="N", help="searched trials of each pair that are never stopped early")
    add("--image-size", type=int, metavar="PX", help="side to which images are resized")
    add("--architecture", action="append", default=[], metavar="NAME", help="only this network (repeatable)")
    add("--weights", action="append", default=[], metavar="[NAME=]FILE", help="pretrained weights of a network")
    add(
        "--seed",
        type=whole_number(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="of splits, search and training (default 0)",
    )
    add("--groups", choices=list(groups.WAYS), help=_groups_help())
    add(
        "--holdout", action="store_true", help="leave the official test split closed; test on 15 %% of the other images"
    )
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="records (default results)")
    add("--reports", type=Path, default=Path("reports"), metavar="DIR", help="reports (default reports)")
    cache = Path(platformdirs.user_cache_dir("medical-image-study"))
    add("--cache", type=Path, default=cache, metavar="DIR", help="resized and drawn images (default %(default)s)")
    ledger = Path(platformdirs.user_state_dir("medical-image-study")) / "test-openings.jsonl"
    add(
        "--ledger",
        type=Path,
        default=ledger,
        metavar="FILE",
        help="which test splits were opened (default %(default)s)",
    )
    add("--open-test-again", action="store_true", help="score a test split that another run has opened before")
    add("--fresh", action="store_true", help="delete the results of an earlier run and start again")
    add("--skip-unreadable", action="store_true", help="go on without images that can't be read")
    add("--address", metavar="ADDR", help='Ray cluster to run on ("auto": the one this machine belongs to)')
    add(
        "--storage",
        default="",
        metavar="URI",
        help="where the machines of a cluster share no folder: s3://bucket/folder gets checkpoints and records",
    )
    add(
        "--workers-per-trial",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="train each trial on N devices at once, in a Ray Train worker group (default 0: none)",
    )
    add("--hang-after", type=positive, default=600.0, metavar="S", help="end a worker without a step for so long")
    add("--cpus-per-trial", type=positive, metavar="X", help="or per worker; default: one")
    add(
        "--gpus-per-trial",
        type=float,
        metavar="X",
        help="or per worker; default: a quarter of one, where there is one; one a worker of several",
    )
    add(
        "--slots",
        type=whole_number(1),
        metavar="N",
        help="trials at a time, whatever there is now: where a cluster that `ray up` did not start grows on demand; "
        "if its GPU machines are yet to come, give --gpus-per-trial too",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        help="that networks are trained in; default: bfloat16 where the device computes with it, else float32",
    )
    add("--mlflow", default="", metavar="URI", help="also send all trials to this tracking server of MLflow")
    add(
        "--dry-run",
        action="store_true",
        help="show the plan, and from a batch of each network what memory and time it takes; record nothing",
    )
    add_verbose(made)
    _add_own_images(made)
    return made


def _add_own_images(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("images of your own", "A study without a study file: what isn't said is derived.")
    add = group.add_argument
    add(
        "--images",
        type=Path,
        metavar="DIR",
        help="a folder of images for each class, or train, val and test with such folders; a folder within a class is "
        "one patient's or slide's",
    )
    add("--name", default="", metavar="NAME", help="of the study (default: that of the folder)")
    add("--labels", type=Path, metavar="FILE.csv", help="a table with a row for each image, instead of class folders")
    for column, what in (
        ("image", "the image's path or file name"),
        ("label", "its class"),
        ("group", "its patient or slide, which stays in one split"),
        ("split", "train, val or test"),
    ):
        add(f"--{column}-column", default="", metavar="NAME", help=f"of the table: {what} (default: by usual names)")
    add("--positive", default="", metavar="CLASS", help="which of two classes is looked for")
    add("--modality", choices=MODALITIES, help="what augmentation may do (default grey or colour: no flips)")
    add("--save", type=Path, metavar="FILE.py", help="write what was derived as a study file, to be edited, and stop")


def _groups_help() -> str:
    ways = "; ".join(f"{way}: {what}" for way, what in groups.WAYS.items())
    return f"what stays in one split: {ways} (default {groups.DEFAULT}, unless that is likely to be wrong)"


def _folder_or_uri(text: str) -> Path | str:
    return text if "://" in text else Path(text)
