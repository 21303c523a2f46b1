"""compose, Kubernetes and systemd: what they name exists, and their times fit the service's."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from cutout.http import keys
from cutout.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
REPLICAS = [name for name in COMPOSE["services"] if name.startswith("cutout-")]
# Whatever hangs, everything has ended by then: cutout/server/gunicorn_conf.py.
END_S = Settings().deadline_s + 5
UNIT = (DEPLOY / "systemd" / "cutout.service").read_text()


def manifests() -> dict[str, dict]:
    """Every object of the kustomization, by its kind."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    found = [yaml.safe_load((KUBERNETES / name).read_text()) for name in listed]
    return {one["kind"]: one for one in found}


MANIFESTS = manifests()
POD = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def settings_named(names) -> None:
    own = {name.removeprefix("CUTOUT_").lower() for name in names if name.startswith("CUTOUT_")}
    assert own
    assert own <= Settings.model_fields.keys()


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_compose_runs_the_two_replicas_that_nginx_knows():
    named = re.findall(r"server (cutout-\d):5000", (DEPLOY / "nginx.conf").read_text())
    asked = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (static,) = asked["scrape_configs"][0]["static_configs"]
    assert named == REPLICAS
    assert static["targets"] == [f"{name}:5000" for name in REPLICAS]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_names_files_networks_volumes_and_secrets_that_exist(name):
    service = COMPOSE["services"][name]
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (DEPLOY / source).exists() if source[0] == "." else source in COMPOSE["volumes"]
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    assert set(service["networks"]) <= COMPOSE["networks"].keys()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_gives_no_container_rights_it_does_not_need(name):
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_publishes_on_this_machine_only(name):
    ports = COMPOSE["services"][name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", REPLICAS)
def test_a_replica_in_compose_is_read_only_has_keys_and_time_to_end(name):
    service = COMPOSE["services"][name]
    settings_named(service["environment"])
    assert service["read_only"] is True
    assert service["environment"]["CUTOUT_KEYS_FILE"] == "/run/secrets/cutout_keys"
    assert seconds(service["stop_grace_period"]) > END_S
    assert service["networks"] == ["inner"] and COMPOSE["networks"]["inner"]["internal"]


def test_replicas_in_compose_share_their_results():
    assert {tuple(COMPOSE["services"][name]["volumes"]) for name in REPLICAS} == {
        ("data:/var/lib/cutout",)
    }


def test_replicas_in_compose_trust_the_network_they_share_with_nginx():
    (subnet,) = COMPOSE["networks"]["inner"]["ipam"]["config"]
    trusted = {
        COMPOSE["services"][name]["environment"]["CUTOUT_TRUSTED_PROXIES"] for name in REPLICAS
    }
    assert trusted == {subnet["subnet"]}


def test_a_pod_has_time_to_end():
    grace = POD["spec"]["terminationGracePeriodSeconds"]
    (_, pause) = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert grace > END_S + int(pause)


def test_probes_ask_what_they_are_for(client):
    paths = {
        name: CONTAINER[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    assert {client.get(path, buffered=True).status_code for path in paths.values()} == {200}


def test_a_start_may_take_as_long_as_making_a_graph():
    probe = CONTAINER["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 180


def test_a_pod_runs_without_rights_on_a_read_only_root():
    security = POD["spec"]["securityContext"]
    assert security["runAsNonRoot"] is True
    assert (
        f"USER {security['runAsUser']}:{security['runAsGroup']}"
        in (DEPLOY / "Dockerfile").read_text()
    )
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_mounts_what_it_declares_and_can_write_where_it_must():
    mounted = {one["name"]: one["mountPath"] for one in CONTAINER["volumeMounts"]}
    assert mounted.keys() == {one["name"] for one in POD["spec"]["volumes"]}
    assert {"/tmp", "/var/lib/cutout"} <= set(mounted.values())


def test_a_pod_names_settings_that_exist():
    settings_named(one["name"] for one in CONTAINER["env"])


def test_everything_in_kubernetes_selects_the_pods():
    labels = POD["metadata"]["labels"]
    spec = {kind: one["spec"] for kind, one in MANIFESTS.items() if "spec" in one}
    assert spec["Deployment"]["selector"]["matchLabels"] == labels
    assert spec["Service"]["selector"] == labels
    assert spec["PodDisruptionBudget"]["selector"]["matchLabels"] == labels
    assert spec["NetworkPolicy"]["podSelector"]["matchLabels"] == labels
    assert spec["PodMonitor"]["selector"]["matchLabels"] == labels
    assert (
        spec["ScaledObject"]["scaleTargetRef"]["name"]
        == MANIFESTS["Deployment"]["metadata"]["name"]
    )


def test_one_replica_stays_when_a_node_is_drained():
    least = MANIFESTS["ScaledObject"]["spec"]["minReplicaCount"]
    assert least > MANIFESTS["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    # KEDA owns the number; a fixed one would undo it with each update.
    assert "replicas" not in MANIFESTS["Deployment"]["spec"]


def test_replicas_are_added_long_before_the_queue_is_full():
    (trigger,) = MANIFESTS["ScaledObject"]["spec"]["triggers"]
    assert int(trigger["metadata"]["threshold"]) <= Settings().queue / 4


def test_every_file_of_kubernetes_is_listed():
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert files == set(listed)


def test_the_gpu_overlay_changes_the_image_that_the_base_names():
    base = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    overlay = yaml.safe_load((KUBERNETES / "gpu" / "kustomization.yaml").read_text())
    assert overlay["images"][0]["name"] == base["images"][0]["newName"]
    (patch,) = overlay["patches"]
    for change in yaml.safe_load(patch["patch"]):
        node = MANIFESTS["Deployment"]
        for part in change["path"].split("/")[1:-1]:
            node = node[int(part) if part.isdigit() else part]
        assert isinstance(node, dict | list)


def test_the_unit_names_settings_that_exist_and_leaves_time_to_end():
    settings_named(re.findall(r"CUTOUT_[A-Z_]+(?==)", UNIT))
    assert int(re.search(r"TimeoutStopSec=(\d+)", UNIT)[1]) > END_S


def test_the_unit_is_accepted_by_systemd(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    # The command has to exist for the check; here it is another one.
    own = tmp_path / "cutout.service"
    own.write_text(UNIT.replace("/opt/cutout/venv/bin/python ", "/bin/sh "))
    done = subprocess.run(
        ["systemd-analyze", "verify", own], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_hardened(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20"]
    done = subprocess.run(
        [*command, DEPLOY / "systemd" / "cutout.service"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    # Exposure 2.0 at most, of 10.
    assert done.returncode == 0, done.stdout


def test_without_a_key_no_way_of_deployment_listens_to_others():
    """The image refuses; compose and Kubernetes name a file of keys."""
    with pytest.raises(keys.ConfigurationError):
        keys.check_exposure("0.0.0.0", has_keys=False, open_without_key=False)
    assert "OPEN_WITHOUT_KEY" not in (DEPLOY / "compose.yaml").read_text()
    assert "OPEN_WITHOUT_KEY" not in (KUBERNETES / "deployment.yaml").read_text()
