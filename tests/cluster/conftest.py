import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cluster.hosts import Network, missing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """With a short name: sockets are in there."""
    with tempfile.TemporaryDirectory(prefix="up", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def environment(folder: Path) -> Path:
    """The environment that the set-up commands make on each host; these hosts have no way to the internet."""
    path = folder / "environment"
    (command,) = [
        c for c in yaml.safe_load((ROOT / "cluster-local.yaml").read_text())["setup_commands"] if "uv sync" in c
    ]
    words = shlex.split(command)
    words = words[words.index("sync") :]
    env = os.environ | {"UV_PROJECT_ENVIRONMENT": str(path)}
    # `uv run` tells where it is.
    subprocess.run([os.environ.get("UV", "uv"), *words, "--quiet"], cwd=ROOT, env=env, check=True)
    return path


@pytest.fixture(scope="session")
def network(folder: Path, environment: Path) -> Iterator[Network]:
    reasons = missing()
    if reasons:
        pytest.fail(f"hosts in network namespaces need {', '.join(reasons)}")
    (folder / "shared").mkdir()
    with Network(folder, num=3, shared=[folder / "shared", environment, ROOT, Path(sys.base_prefix)]) as made:
        yield made
