"""Dashboard and alert rules: every figure they name is exported, and Prometheus accepts them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import image_bytes
from standin import StandIn
from test_api import post

from app import create_app
from cutout.settings import Settings

ROOT = Path(__file__).parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "cutout.json").read_text())
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
IMAGE = np.uint8([[[20, 30, 40], [230, 200, 90]] * 16] * 32)
NAME = re.compile(r"\b(?:cutout|process|python)_[a-z_]+\b")
EXPRESSIONS = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    },
    **{
        variable["name"]: variable["query"]["query"] for variable in DASHBOARD["templating"]["list"]
    },
    "keda": yaml.safe_load((ROOT / "deploy" / "kubernetes" / "scaling.yaml").read_text())["spec"][
        "triggers"
    ][0]["metadata"]["query"],
}
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"),
    reason="promtool is not installed; Debian has it in the package prometheus",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """Text of /metrics after a removal and an error."""
    folder = tmp_path_factory.mktemp("figures")
    settings = Settings(upload_dir=folder / "uploads", result_dir=folder / "results")
    app = create_app(settings, StandIn())
    client = app.test_client()
    assert post(client, "/remove-bg", image=image_bytes(IMAGE)).status_code == 200
    assert post(client, "/remove-bg", image=b"no image").status_code == 415
    text = client.get("/metrics", buffered=True).text
    app.extensions["cutout"].service.close()
    return text


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_every_figure_that_is_asked_for_is_exported(page, expression):
    exported = set(re.findall(r"(?m)^([a-z_]+)(?:\{| )", page))
    named = set(NAME.findall(expression))
    assert named or "up{" in expression
    assert named <= exported


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_every_label_that_is_asked_for_is_exported(page, expression):
    # These are Prometheus' own, or Kubernetes'.
    exported = {"job", "instance", "namespace"} | set(re.findall(r'[{,]([a-z_]+)="', page))
    assert set(re.findall(r'([a-z_]+)=~?"', expression)) <= exported


def test_every_figure_of_ours_is_on_the_dashboard_or_in_a_rule(page):
    own = set(re.findall(r"(?m)^# TYPE (cutout_\w+) (?!gauge|info)\w+", page))
    shown = " ".join(EXPRESSIONS.values())
    assert own
    assert [name for name in own if name not in shown] == []


def test_rules_have_a_severity_and_a_sentence():
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]


def test_panels_do_not_overlap_and_have_their_own_ids():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_dashboard_asks_the_data_source_that_is_provided():
    (source,) = yaml.safe_load((GRAFANA / "datasources.yaml").read_text())["datasources"]
    asked = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert asked == {source["uid"]}


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_accepts_the_rules_and_its_settings():
    promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")


@needs_promtool
def test_prometheus_can_read_what_dashboard_and_scaling_ask(tmp_path):
    """As recording rules, with values for Grafana's own variables."""
    asked = [text for text in EXPRESSIONS.values() if not text.startswith("label_values(")]
    known = [re.sub(r"\$__(rate_)?interval", "5m", text) for text in asked]
    rules = [{"record": f"read:{number}", "expr": text} for number, text in enumerate(known)]
    file = tmp_path / "read.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "read", "rules": rules}]}))
    promtool("check", "rules", str(file))


@needs_promtool
def test_alerts_fire_when_they_should_and_not_before():
    promtool("test", "rules", "alerts_test.yml", "alerts_drift_test.yml")
