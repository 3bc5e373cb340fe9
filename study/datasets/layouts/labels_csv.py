"""The layout of a CSV with one labelled image a row; made for hundreds of thousands of rows.

Columns are compared as a whole and folders are listed once: nothing here is done a row at a time, no file is asked for
its size.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from study.errors import DataError


def labelled_files(
    root: Path,
    *,
    csv_name: str,
    folder: str,
    suffix: str,
    targets: Mapping[str, int],
    may_lack: Collection[str] = (),
) -> pd.DataFrame:
    """Matches a CSV with columns `id` and `label` with the files `<folder>/<id><suffix>`.

    Args:
        root: the dataset's folder.
        csv_name: the CSV in it.
        folder: the folder of the images in it.
        suffix: how the images' names end, with the dot.
        targets: label as the CSV has it -> target.
        may_lack: ids whose images may be missing; then their rows are left out.

    Returns:
        columns id (str) and target (int), sorted by id.

    Raises:
        DataError: CSV or folder are missing or empty, or ids, labels and files don't match one to one.
    """
    csv = root / csv_name
    table = _read(csv, ("id", "label"), f"Give --data the folder that holds {csv_name} and {folder}.")
    _refuse_repeated(table["id"], csv)
    bad = table["id"][~table["label"].isin(list(targets))]
    if len(bad):
        label = table["label"][bad.index[0]]
        raise DataError(
            f"Labels must be {' or '.join(targets)}, but {csv} has {len(bad)} other{'s' * (len(bad) > 1)} in "
            f"{len(table)} rows, for example {label!r} for {bad.iloc[0]!r}. Mend them or take the rows out."
        )
    files = _stems(root / folder, suffix)
    where = f"{root / folder}"
    absent = ~table["id"].isin(files)
    table = table[~(absent & table["id"].isin(list(may_lack)))]
    _refuse(
        table["id"][~table["id"].isin(files)],
        f"Each id in {csv} must have its image <id>{suffix} in {where}",
        "Unpack the images again, or take these rows out.",
    )
    _refuse(
        files[~files.isin(table["id"])],
        f"Each image {suffix} in {where} must have its row in {csv}",
        "Get the whole CSV, or move these images away.",
    )
    sorted_ids = table.sort_values("id", ignore_index=True)
    return pd.DataFrame({"id": sorted_ids["id"], "target": sorted_ids["label"].map(dict(targets)).astype(int)})


def groups_of(root: Path, ids: pd.Series, *, pattern: str, column: str) -> list[str]:
    """The group of each id, from a CSV with columns `id` and `column`; "" for all where there is no such CSV.

    Args:
        root: the dataset's folder.
        ids: the ids.
        pattern: matches the name of the CSV in it.
        column: the groups' column.

    Raises:
        DataError: there are several such CSVs, or one that gives an id no group or two.
    """
    found = sorted(root.glob(pattern))
    if not found:
        return [""] * len(ids)
    if len(found) > 1:
        raise DataError(
            f"At most one file {pattern} may lie in {root}, but there are {', '.join(f.name for f in found)}. "
            "Keep the fullest."
        )
    csv = found[0]
    table = _read(csv, ("id", column), f"Take {csv.name} away and groups are ignored.")
    table = table[table["id"].isin(ids)]
    _refuse_repeated(table["id"], csv)
    groups = ids.map(table.set_index("id")[column]).fillna("")
    _refuse(
        ids[groups == ""],
        f"Each image must have its {column} in {csv}",
        "Get the whole file, or take it away: groups are then ignored.",
    )
    return groups.tolist()


def _read(csv: Path, columns: tuple[str, ...], remedy: str) -> pd.DataFrame:
    if not csv.is_file():
        raise DataError(f"The dataset needs {csv}, but there is no such file. {remedy}")
    try:
        # Everything as text: an id of digits only must keep its zeros. As objects, because `isin` of pandas' own
        # strings asks one by one, which takes seconds.
        table = pd.read_csv(csv, dtype=object, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{csv} must be a CSV file, but can't be read: {reason}. Get it again.") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns))
        raise DataError(f"{csv} must have the columns {', '.join(columns)}, but has {found}. Get it again.")
    if table.empty:
        raise DataError(f"{csv} must have a row for each image, but has none. Get it again.")
    return table[list(columns)]


def _stems(folder: Path, suffix: str) -> pd.Series:
    """The names without suffix of a folder's files that have the suffix; hidden ones are passed over."""
    if not folder.is_dir():
        raise DataError(f"The images must be in {folder}, but there is no such folder. Unpack them there.")
    with os.scandir(folder) as entries:
        names = [e.name for e in entries]
    stems = sorted(n.removesuffix(suffix) for n in names if n.endswith(suffix) and not n.startswith("."))
    return pd.Series(stems, dtype=object)


def _refuse(bad: pd.Series, rule: str, remedy: str) -> None:
    if len(bad):
        raise DataError(f"{rule}, but {len(bad)} have none, for example {bad.iloc[0]!r}. {remedy}")


def _refuse_repeated(ids: pd.Series, csv: Path) -> None:
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise DataError(
            f"Each id must stand in one row of {csv}, but {len(repeated)} stand there again, for example "
            f"{repeated.iloc[0]!r}. Take the extra rows out."
        )
