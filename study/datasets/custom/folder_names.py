"""What the name of a folder or of a file tells: a split, a patient, a mask, a part of a download, or nothing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

_SPELLINGS = {
    "train": ("train", "training", "tr", "development"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "ts", "te"),
}
SPLITS = tuple(_SPELLINGS)
# "training_set", "Train images", "01_train" and "data-train" mean no more than "train".
_FILLER = r"(?:sets?|data|dataset|images?|imgs?|splits?|folder|samples)"
_SIDES = {
    side: re.compile(
        rf"(?:\d+[\W_]+)?(?:{_FILLER}[\W_]+)*(?:{'|'.join(names)})(?:[\W_]*{_FILLER})*[\W_]*", re.IGNORECASE
    )
    for side, names in _SPELLINGS.items()
}
# They may as well be classes: "valid" beside "invalid", magnetic resonance "MR" beside "TR".
_AMBIGUOUS = {"tr", "development", "valid", "dev", "ts", "te"}
_SHORTEST_IN_CLASS_NAME = 3
_GENERIC = re.compile(
    r"(?:original|raw)?[\W_]*(?:images?|imgs?|pictures?|photos?|png|jpe?g|tiff?|bmp|originals?)", re.IGNORECASE
)
_MASK_WORDS = {"mask", "masks", "segmentation", "segmentations", "groundtruth", "annotation", "annotations"}
# Too short, or too usual for classes, to tell by themselves.
_MASK_NAMES = {"seg", "segs", "gt", "label", "labels", "contour", "contours", "overlay", "overlays", "labelmaps"}
_NEGATIONS = {"no", "non", "not", "without", "un"}
_MASK_FILE = re.compile(
    r"(?P<of>.+?)(?:[\W_]*(?:masks?|segmentations?|labelmap|groundtruth|ground[\W_]truth|annotations?|contours?)"
    r"|(?:(?<=\d)|[\W_]+)(?:segs?|labels?|gt))(?:[\W_]*\d{1,2})?\)?",
    re.IGNORECASE,
)
_MASK_FIRST = re.compile(r"(?:masks?|seg|segmentation|label|gt)[\W_]+(?P<of>.+)", re.IGNORECASE)
_IMAGE_FILE = re.compile(r"(?P<of>.+?)[\W_]+(?:images?|img|orig|original|photo)", re.IGNORECASE)
_END = re.compile(r"[\W_]+$")
_PERSON = r"(?:patients?|pat|pt|persons?|subjects?|subj|sub|cases?|slides?|participants?)"
# A number of four digits is an identity, unless it is a year.
_PATIENT = re.compile(
    rf"{_PERSON}[\W_]*(?:id|no|nr)?[\W_]*[a-z]{{0,2}}\d\w*|p[\W_]*\d+|[a-z]{{0,4}}[\W_]*(?!(?:19|20)\d\d$)\d{{4,}}",
    re.IGNORECASE,
)
# As they are in several archives: "TCGA-05-4244", "LIDC-IDRI-0001", "tumor_001", "S01". Parts, views and times of one
# patient are called so, too.
_LIKE_A_PATIENT = re.compile(r"[a-z](?:[\w\s-]*[a-z_\s-])?\d{2,}", re.IGNORECASE)
_OF_A_PATIENT = re.compile(
    r"view|series|fold|part|mag|scale|level|zoom|class|grade|stage|type|label|score|batch|set|split|scan|slice|frame"
    r"|plane|phase|sequence|visit|week|day|month|year|time|run|session|crop|patch|tile|size|aug|angle|field",
    re.IGNORECASE,
)
_PATIENT_IN_FILE = re.compile(rf"(?<![a-z]){_PERSON}[\W_]*\d+(?!\d)", re.IGNORECASE)
_MAGNIFICATION = re.compile(r"x\d+(?:\.\d+)?|\d+(?:\.\d+)?x|\d+[\W_]*(?:um|mpp)", re.IGNORECASE)
_UNLABELLED = re.compile(r"(?:un[\W_]?label?led|un[\W_]?annotated|unsup\w*)(?:[\W_]*(?:images?|data))?", re.IGNORECASE)
_PART = re.compile(r"(?:.*[\W_])?(?:images?|imgs?|parts?|batch|chunk|archive|folder|data)[\W_]*\d+", re.IGNORECASE)


def side_of(name: str) -> str:
    """What a folder or a table means by a name: "train", "val" or "test"; "" where it means none of them."""
    return next((side for side, spelled in _SIDES.items() if spelled.fullmatch(name.strip())), "")


def sides_of(names: Iterable[str]) -> dict[str, str]:
    """Those of some names that mean a split -> "train", "val" or "test".

    "valid", "tr" and the like mean one only where all of the names mean splits, with train among them.
    """
    sides = {name: side_of(name) for name in names}
    if "" not in sides.values() and "train" in sides.values():
        return sides
    return {name: side for name, side in sides.items() if side and _AMBIGUOUS.isdisjoint(_words(name))}


def class_and_side(name: str) -> tuple[str, str]:
    """A class and a split that are written in one name, as "benign_train"; the name and "" where there is no split."""
    words = _words(name)
    for place in (0, -1):
        side = side_of(words[place]) if len(words) > 1 and len(words[place]) >= _SHORTEST_IN_CLASS_NAME else ""
        if side:
            return " ".join(words[1:] if place == 0 else words[:-1]), side
    return " ".join(words), ""


def is_generic(name: str) -> bool:
    """Whether a folder says no more than that images are in it: "images", "png"."""
    return bool(_GENERIC.fullmatch(name.strip()))


def says_nothing(name: str, class_name: str) -> bool:
    """Whether a folder within a class says no more than this: "images", or the class's own name once more."""
    return is_generic(name) or name.casefold() == class_name.casefold()


def is_mask_folder(name: str) -> bool:
    """Whether a folder is called as folders of masks, segmentations or annotations are."""
    words = _words(name)
    return not _MASK_WORDS.isdisjoint(words) or "".join(words) in _MASK_NAMES | _MASK_WORDS


def mask_classes(names: Iterable[str]) -> list[str]:
    """Folders of masks among folders that are taken for classes. "mask" beside "no mask" is a class."""
    names = list(names)
    if any(map(_says_no_mask, names)):
        return []
    clear = [name for name in names if not _MASK_WORDS.isdisjoint(_words(name)) and "with" not in _words(name)]
    if any(map(is_generic, names)):
        return [name for name in names if name in clear or is_mask_folder(name)]
    return clear


def masks_among(paths: Sequence[str]) -> dict[str, str]:
    """Masks that lie among images: path of the mask -> path of its image, in the same folder, such as x_mask.png."""
    known: Mapping[str, dict[str, str]] = defaultdict(dict)
    for path in map(PurePosixPath, paths):
        stem = path.stem.casefold()
        of_image = _IMAGE_FILE.fullmatch(stem)
        for called in (stem, of_image["of"] if of_image else stem):
            known[str(path.parent)].setdefault(_END.sub("", called), str(path))
    found = {}
    for path in map(PurePosixPath, paths):
        for pattern in (_MASK_FILE, _MASK_FIRST):
            named = pattern.fullmatch(path.stem.casefold())
            image = known[str(path.parent)].get(_END.sub("", named["of"])) if named else None
            if image and image != str(path):
                found[str(path)] = image
                break
    return found


def is_patient(name: str) -> bool:
    """Whether a folder is called as patients are: "patient 3", "p12", "10253"."""
    return bool(_PATIENT.fullmatch(name.strip()))


def may_be_patient(name: str) -> bool:
    """Whether a folder within a class may be called as patients are: "tumor_001", too."""
    like = _LIKE_A_PATIENT.fullmatch(name.strip()) and not _OF_A_PATIENT.search(name)
    return is_patient(name) or bool(like and not is_magnification(name))


def is_magnification(name: str) -> bool:
    """Whether a folder is called as a magnification: "40X"."""
    return bool(_MAGNIFICATION.fullmatch(name.strip()))


def is_unlabelled(name: str) -> bool:
    """Whether a folder says that its images are of unknown class."""
    return bool(_UNLABELLED.fullmatch(name.strip()))


def side_in(path: str) -> str:
    """The split that a path names, in a folder or as the first word of the file's name; "" for none."""
    *folders, file = PurePosixPath(path).parts
    first_word = re.match(r"[A-Za-z]+", file)
    names = [*folders, *([first_word[0]] if first_word else [])]
    return next((side for name in names if (side := side_of(name))), "")


def is_part(name: str) -> bool:
    """Whether a folder is called as a part of a large download: "images_001"."""
    return bool(_PART.fullmatch(name.strip()))


def patient_in(path: str) -> str:
    """What may be a patient in the name of a file: "person12" in person12_bacteria_3.jpeg; "" for nothing."""
    found = _PATIENT_IN_FILE.search(PurePosixPath(path).stem)
    return found[0].casefold() if found else ""


def _says_no_mask(name: str) -> bool:
    """Whether a class is called "no mask", "nomask" or the like."""
    words = _words(name)
    if not _MASK_WORDS.isdisjoint(words):
        return not _NEGATIONS.isdisjoint(words)
    return not {f"{no}{mask}" for no in _NEGATIONS for mask in _MASK_WORDS}.isdisjoint(words)


def _words(name: str) -> list[str]:
    """Its words, small; "LungMasks" has two."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", parted.replace("round truth", "roundtruth")) if word]
