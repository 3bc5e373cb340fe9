"""`cluster.yaml` is what Ray accepts and what this project needs, as far as can be seen without a cloud."""

import copy
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.aws import node_provider
from ray.autoscaler._private.util import prepare_config, validate_config

from study.planning.resources import num_always_there

ROOT = Path(__file__).parents[2]

# What EC2's DescribeInstanceTypes answers for the types in the file, as far as Ray reads it.
INSTANCE_TYPES = [
    {
        "InstanceType": "g5.xlarge",
        "VCpuInfo": {"DefaultVCpus": 4},
        "MemoryInfo": {"SizeInMiB": 16384},
        "GpuInfo": {"Gpus": [{"Name": "A10G", "Manufacturer": "NVIDIA", "Count": 1}]},
    },
    {"InstanceType": "m7i.large", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192}},
]


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    return loaded


@pytest.fixture
def prepared(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The file after the launcher's steps before its first call to the cloud, in the launcher's order."""
    monkeypatch.setattr(node_provider, "list_ec2_instances", lambda *_: INSTANCE_TYPES)
    filled: dict[str, Any] = node_provider.AWSNodeProvider.fillout_available_node_types_resources(
        prepare_config(config)
    )
    return filled


def all_commands(prepared: dict[str, Any]) -> list[str]:
    return [command for key, value in prepared.items() if key.endswith("_commands") for command in value]


def test_ray_accepts_it(prepared: dict[str, Any]) -> None:
    validate_config(prepared)


def test_ray_would_reject_a_misspelt_key(prepared: dict[str, Any]) -> None:
    prepared["idle_timeout_minuts"] = 5
    with pytest.raises(Exception, match="idle_timeout_minuts"):
        validate_config(prepared)


def test_resources_are_those_of_the_instance_type(config: dict[str, Any], prepared: dict[str, Any]) -> None:
    detected = prepared["available_node_types"]["gpu"]["resources"]
    assert config["available_node_types"]["gpu"]["resources"] == {"CPU": 4, "GPU": 1}
    assert detected.items() >= {"CPU": 4, "GPU": 1, "accelerator_type:A10G": 1}.items()


def test_the_head_runs_no_trials_and_workers_are_started_from_none(prepared: dict[str, Any]) -> None:
    head = prepared["available_node_types"][prepared["head_node_type"]]
    assert head["resources"]["CPU"] == 0
    assert "GPU" not in head["resources"]
    assert "--num-cpus=0" in " ".join(prepared["head_start_ray_commands"])
    worker = prepared["available_node_types"]["gpu"]
    assert (worker["min_workers"], worker["max_workers"]) == (0, prepared["max_workers"]) == (0, 4)
    assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


@pytest.mark.parametrize("name", ["cluster.yaml", "cluster-local.yaml"])
def test_ray_is_the_version_that_the_project_pins(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [*project["project"]["dependencies"], *project["dependency-groups"]["cluster"]]
    (pin,) = {each.split("==")[1] for each in named if each.startswith("ray[")}
    commands = " ".join(yaml.safe_load((ROOT / name).read_text())["setup_commands"])
    assert f"ray --version | grep -Fx 'ray, version {pin}'" in commands
    assert "uv sync --no-progress --python 3.11 " in commands


def test_both_files_set_up_a_machine_alike(config: dict[str, Any]) -> None:
    own = yaml.safe_load((ROOT / "cluster-local.yaml").read_text())
    assert own["file_mounts"] == config["file_mounts"]
    assert own["rsync_exclude"] == config["rsync_exclude"]
    # The cloud's machines need boto3, and make the folder that they share.
    clouds = [c.replace(" --group aws", "") for c in config["setup_commands"] if not c.startswith("mkdir")]
    assert own["setup_commands"] == clouds


def test_ray_accepts_the_file_for_machines_of_ones_own() -> None:
    validate_config(prepare_config(yaml.safe_load((ROOT / "cluster-local.yaml").read_text())))


def test_a_study_waits_for_machines_that_are_always_there_and_for_no_others(prepared: dict[str, Any]) -> None:
    own = prepare_config(yaml.safe_load((ROOT / "cluster-local.yaml").read_text()))
    assert num_always_there(own) == len(own["provider"]["worker_ips"]) == 2
    assert num_always_there(prepared) == 0


def test_nothing_of_rays_default_setup_is_left(prepared: dict[str, Any]) -> None:
    assert not [c for c in all_commands(prepared) if "pip install" in c or "wheels" in c or "anaconda" in c]


def test_token_authentication_is_on(prepared: dict[str, Any]) -> None:
    assert prepared["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "RAY_AUTH_MODE=token" in " ".join(prepared["setup_commands"])


def test_mounts_exist_and_hold_neither_environment_nor_results(prepared: dict[str, Any]) -> None:
    local = [Path(path) for path in prepared["file_mounts"].values() if not path.startswith("~")]
    assert local
    for path in local:
        assert (ROOT / path).exists()
        assert not (ROOT / path / ".venv").exists()
        assert not (ROOT / path / "results").exists()


def test_commands_are_valid_shell(prepared: dict[str, Any]) -> None:
    for command in all_commands(prepared):
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_the_head_replaces_what_only_the_laptop_may_look_up_by_its_own_image(
    prepared: dict[str, Any], tmp_path: Path
) -> None:
    # What EC2's instance metadata answers on a machine of that image.
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text('#!/bin/sh\ncase "$*" in *api/token) echo secret;; *"token: secret"*ami-id) echo ami-0123;; esac\n')
    curl.chmod(0o755)
    bootstrap = tmp_path / "ray_bootstrap_config.yaml"
    env = {"HOME": str(tmp_path), "PATH": f"{curl.parent}:/usr/bin:/bin"}
    (command,) = [c for c in prepared["head_start_ray_commands"] if "ami-id" in c]
    expected = copy.deepcopy(prepared)
    for kind in expected["available_node_types"].values():
        kind["node_config"]["ImageId"] = "ami-0123"
    # Ray writes JSON; a person's YAML would do, too.
    for text in (json.dumps(prepared), yaml.safe_dump(prepared)):
        bootstrap.write_text(text)
        subprocess.run(["bash", "-c", command], check=True, env=env)
        # Nothing else has changed, and not this command itself, which is in the file, too.
        assert yaml.safe_load(bootstrap.read_text()) == expected
    # Without an answer the head isn't started with an image that it can't look up.
    curl.write_text("#!/bin/sh\nexit 22\n")
    assert subprocess.run(["bash", "-c", command], check=False, env=env).returncode == 22
