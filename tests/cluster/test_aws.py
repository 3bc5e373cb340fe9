"""`ray up cluster.yaml` against a mock of AWS (moto): what the launcher asks for, with Ray's real code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]
REGION = "us-west-2"
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of someone with credentials of this AWS, whose ssh reaches nobody."""
    home = tmp_path_factory.mktemp("home")
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("0" * 64)
    (home / "bin").mkdir()
    # The mock invents public addresses; whose they really are is not known.
    (home / "bin" / "ssh").write_text("#!/bin/sh\nexit 255\n")
    (home / "bin" / "ssh").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        # For the server, too: without it the mock has none of AWS's own policies.
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        patch.setenv("HOME", str(home))
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        yield os.environ | {"PATH": f"{home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
        server.stop()


@pytest.fixture(scope="module")
def head(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The head of the cluster, as EC2 describes it after `ray up`."""
    log = tmp_path_factory.mktemp("launcher") / "log"
    command = ["ray", "up", "-y", "--no-config-cache", "--disable-usage-stats", "cluster.yaml"]
    with log.open("w") as out:
        launcher = subprocess.Popen(command, cwd=ROOT, env=aws, stdout=out, stderr=out, start_new_session=True)
    ec2 = boto3.client("ec2", region_name=REGION)
    try:
        # A node that runs may still lack its disk and its role.
        while "Launched a new head node" not in log.read_text():
            assert launcher.poll() is None, log.read_text()
            time.sleep(0.5)
    finally:
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
    (instance,) = _running(ec2)
    return instance


def _running(ec2: Any) -> list[dict[str, Any]]:
    return [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"] if i["State"]["Code"] == 16]


def test_the_launcher_creates_the_head_that_the_file_describes(head: dict[str, Any], config: dict[str, Any]) -> None:
    described = config["available_node_types"]["head"]["node_config"]
    assert head["InstanceType"] == described["InstanceType"] == "m7i.large"
    assert head["ImageId"] == described["ImageId"]
    assert "InstanceLifecycle" not in head, "the head is not to be on spot"
    assert head["Placement"]["AvailabilityZone"].startswith(REGION)
    tags = {tag["Key"]: tag["Value"] for tag in head["Tags"]}
    assert tags["ray-cluster-name"] == "study"
    assert tags["ray-node-type"] == "head"


def test_its_disk_has_the_size_of_the_file_and_is_encrypted(head: dict[str, Any]) -> None:
    (mapping,) = head["BlockDeviceMappings"]
    volumes = boto3.client("ec2", region_name=REGION).describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])
    (volume,) = volumes["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (150, "gp3", True)


def test_its_role_lets_it_start_workers(head: dict[str, Any]) -> None:
    iam = boto3.client("iam", region_name=REGION)
    name = head["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    (role,) = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    policies = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert {p["PolicyName"] for p in policies} >= {"AmazonEC2FullAccess"}


def test_only_ssh_comes_in_from_outside_the_cluster(head: dict[str, Any]) -> None:
    (group,) = head["SecurityGroups"]
    found = boto3.client("ec2", region_name=REGION).describe_security_groups(GroupIds=[group["GroupId"]])
    (described,) = found["SecurityGroups"]
    outside = [rule for rule in described["IpPermissions"] if rule["IpRanges"]]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in outside] == [(22, 22)]
    within = [rule for rule in described["IpPermissions"] if rule["UserIdGroupPairs"]]
    assert [pair["GroupId"] for rule in within for pair in rule["UserIdGroupPairs"]] == [group["GroupId"]]


def test_a_worker_is_a_gpu_machine_on_spot_in_the_same_group(head: dict[str, Any], config: dict[str, Any]) -> None:
    filled = AWSNodeProvider.fillout_available_node_types_resources(prepare_config(config))
    validate_config(filled)
    ready = bootstrap_aws(filled)
    node = ready["available_node_types"]["gpu"]["node_config"]
    provider = AWSNodeProvider(ready["provider"], ready["cluster_name"])
    provider.create_node(node, {"ray-node-type": "worker", "ray-user-node-type": "gpu"}, 1)
    instances = _running(boto3.client("ec2", region_name=REGION))
    (worker,) = [i for i in instances if i["InstanceId"] != head["InstanceId"]]
    assert worker["InstanceType"] == "g5.xlarge"
    assert worker["InstanceLifecycle"] == "spot"
    assert worker["SecurityGroups"] == head["SecurityGroups"]


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    return loaded
