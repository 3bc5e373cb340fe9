"""Makes a development copy of the brain MRI folder out of its Training images alone, so that Testing stays closed.

uv run python bench/holdout.py ../shared/data/brain_tumor_mri OUT
"""

import hashlib
import sys
from pathlib import Path

_PERCENT_HELD_OUT = 15


def make_holdout(data: Path, out: Path) -> Path:
    """Links 15 % of the Training images, chosen by content, as OUT/Testing and the others as OUT/Training."""
    for file in sorted((data / "Training").rglob("*.jpg")):
        held_out = int(hashlib.sha256(file.read_bytes()).hexdigest()[:8], 16) % 100 < _PERCENT_HELD_OUT
        link = out / ("Testing" if held_out else "Training") / file.parent.name / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())
    return out


if __name__ == "__main__":
    print(make_holdout(Path(sys.argv[1]), Path(sys.argv[2])))
