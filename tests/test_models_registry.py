"""Several models in one server: chosen per request, each with what belongs to it alone."""

import hashlib
import json
import re
import threading
from dataclasses import replace

import numpy as np
import pytest
import rembg
from own_models import brightness_graph, write_own
from PIL import Image
from serving import start
from standin import StandIn
from test_api import post

from app import create_app
from cutout import images, pipeline
from cutout.errors import ConfigurationError, InvalidValue, WeightsCorrupt
from cutout.models import own
from cutout.models.footprint import check_fit, needed_bytes
from cutout.models.registry import Registry
from cutout.models.table import MODELS, Calibration
from cutout.options import Options
from cutout.settings import Settings
from u2net import RembgModel


class Inverse(StandIn):
    """Darkness is the subject; one input size, with thresholds of its own."""

    input_size, input_sizes = 64, (64,)
    calibration = Calibration(standard=(3.0, 0.0, 0.0), peak_found=0.1)

    def describe(self):
        return {"name": "inverse", "md5": None, "sha256": "f" * 64}

    def infer(self, tensors):
        return [1 - map_ for map_ in super().infer(tensors)]


@pytest.fixture
def models():
    return {"stand-in": StandIn(), "inverse": Inverse()}


@pytest.fixture
def app(settings, models):
    app = create_app(settings, models)
    yield app
    app.extensions["cutout"].service.close()


def mask_of(model: RembgModel, rgb: np.ndarray, **options) -> np.ndarray:
    """The mask (H, W) uint8 that a model gives for an image, its edges left as they are."""
    plan = pipeline.make_plan(Options(output="mask", edges="off", **options))
    image = images.DecodedImage(rgb, None, None, "PNG")
    return images.decode_mask(pipeline.cut_out(image, plan, model, model.infer_one).data)


def rembg_mask(model: RembgModel, rgb: np.ndarray) -> np.ndarray:
    """What rembg's own code makes of this model's map."""
    return np.asarray(rembg.remove(Image.fromarray(rgb), session=model.session, only_mask=True))


def cut(client, png, **fields):
    response = post(client, "/remove-bg", image=png, **fields)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response


def alpha_of(response) -> np.ndarray:
    return images.decode(response.data).alpha


def test_a_request_chooses_its_model_and_the_first_is_the_default(client, models, disc_png):
    default, named = cut(client, disc_png), cut(client, disc_png, model="stand-in")
    other = cut(client, disc_png, model="inverse")
    assert default.data == named.data
    assert alpha_of(default)[60, 80] == 1
    assert alpha_of(other)[60, 80] == 0
    assert alpha_of(other)[2, 2] == 1
    assert [sum(model.calls) for model in models.values()] == [1, 1]


def test_a_model_that_is_not_served_is_refused_with_those_that_are(client, disc_png):
    response = post(client, "/remove-bg", image=disc_png, model="u2netp")
    assert response.status_code == 400
    assert response.json["code"] == "invalid_value"
    assert response.json["allowed"] == ["stand-in", "inverse"]


def test_the_cache_never_gives_one_models_map_for_anothers(client, disc_png):
    kinds = [
        cut(client, disc_png, model=name).headers["X-Cutout-Cache"]
        for name in ("stand-in", "inverse", "stand-in", "inverse")
    ]
    assert kinds == ["miss", "miss", "hit", "hit"]


def test_recipe_and_record_name_the_model(app, client, disc_png):
    answers = [cut(client, disc_png, model=name) for name in ("stand-in", "inverse")]
    recipes = {answer.headers["X-Cutout-Recipe"] for answer in answers}
    assert len(recipes) == 2
    storage = app.extensions["cutout"].service.storage
    records = [storage.load(answer.headers["X-Cutout-Id"]).record for answer in answers]
    assert [record["model"]["name"] for record in records] == ["stand-in", "inverse"]


def test_each_model_has_its_own_input_sizes(client, disc_png):
    assert cut(client, disc_png, model="inverse", input_size="64")
    response = post(client, "/remove-bg", image=disc_png, model="inverse", input_size="320")
    assert (response.status_code, response.json["field"]) == (400, "input_size")
    assert response.json["allowed"] == [64]


def test_each_model_has_its_own_quality_thresholds(client, disc_png):
    expected = 1 / (1 + np.exp(-3.0))
    found = cut(client, disc_png, model="inverse").headers["X-Cutout-Predicted-Iou"]
    assert float(found) == pytest.approx(expected, abs=1e-3)
    other = cut(client, disc_png).headers["X-Cutout-Predicted-Iou"]
    assert float(other) != pytest.approx(expected, abs=1e-3)


def test_a_busy_model_does_not_hold_up_another(app, client, models, disc_png):
    """Each has a batcher, and so a thread, of its own."""
    models["stand-in"].go.clear()
    busy = threading.Thread(target=lambda: cut(app.test_client(), disc_png))
    busy.start()
    try:
        assert cut(client, disc_png, model="inverse")
    finally:
        models["stand-in"].go.set()
        busy.join()


def test_health_and_metrics_name_every_model(client, disc_png):
    cut(client, disc_png, model="inverse")
    state = client.get("/health").json
    assert state["model"]["name"] == "stand-in"
    assert [one["name"] for one in state["models"]] == ["stand-in", "inverse"]
    assert [one["input_sizes"] for one in state["models"]][1] == [64]
    assert [one["calibrated_on"] for one in state["models"]] == ["u2net", "inverse"]
    page = client.get("/metrics").get_data(as_text=True)
    assert re.search(r'cutout_model_info\{[^}]*model="inverse"[^}]*\} 1\.0', page)
    assert 'cutout_images_total{model="inverse"} 1.0' in page


def test_a_slow_models_images_count_for_more_in_the_queue(app):
    from cutout.service.costs import Needs

    service = app.extensions["cutout"].service
    slow = replace(service.models.get("inverse"), relative_work=5.0)
    assert slow.scaled(Needs(bytes=7, work=2)) == Needs(bytes=7, work=10)


def test_a_failed_model_makes_the_service_unready(app, client, models):
    inverse = app.extensions["cutout"].service.models.get("inverse")
    inverse.batcher.failure = lambda: "The model's thread has ended."
    assert client.get("/readyz").status_code == 503


def test_a_registry_loads_each_model_once_and_in_order():
    loaded = []
    registry = Registry(["b", "a", "b"], lambda name: loaded.append(name) or name.upper())
    assert registry.load_all() == {"b": "B", "a": "A"}
    assert (registry.default, registry.get("a"), list(registry)) == ("B", "A", ["B", "A"])
    assert loaded == ["b", "a"]
    with pytest.raises(InvalidValue, match="choose b, a"):
        registry.get("c")


def test_models_that_do_not_fit_into_the_memory_are_refused_by_the_settings_name():
    rows = [MODELS["u2net"], MODELS["u2netp"]]
    check_fit(rows, None)
    check_fit(rows, 2_000_000_000)
    with pytest.raises(ConfigurationError, match=r"u2net 0\.9 GB, u2netp 0\.4 GB.*CUTOUT_MODELS"):
        check_fit(rows, 1_200_000_000)
    with pytest.raises(ConfigurationError, match="a smaller CUTOUT_MODEL,"):
        check_fit([MODELS["birefnet-general"]], 4_000_000_000)
    assert needed_bytes(MODELS["birefnet-general"]) > 5 * needed_bytes(MODELS["u2net"])


ROWS = ["birefnet-general", "isnet-general-use", "silueta"]


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_runs_through_with_a_graph_of_its_shape(name, precision, tmp_path, monkeypatch, disc):
    """The published files cannot be had here: a small graph has their input, output, activation."""
    row = MODELS[name]
    graph = brightness_graph(
        tmp_path / row.file_name, row.input_size, outputs=2, logits=row.activation == "sigmoid"
    )
    known = hashlib.sha256(graph.read_bytes()).hexdigest()
    monkeypatch.setitem(MODELS, name, replace(row, sha256=known, md5=None))
    settings = Settings(
        models_dir=tmp_path, cache_dir=tmp_path / "cache", precision=precision, device="cpu"
    )
    model = RembgModel(name, settings)
    assert (model.input_size, model.input_sizes[0]) == (row.input_size, min(model.input_sizes))
    for quality in ("standard", "best"):
        mask = mask_of(model, disc, quality=quality)
        assert mask[60, 80] > 200 > 50 > mask[2, 2]
    difference = mask_of(model, disc).astype(int) - rembg_mask(model, disc)
    assert np.abs(difference).max() <= 1


def test_an_own_model_is_read_from_its_toml(tmp_path, disc):
    path = write_own(brightness_graph(tmp_path / "shop.onnx", 64), sizes=[96], quality=[1, 0, 0])
    model = RembgModel(str(path), Settings(cache_dir=tmp_path / "cache", device="cpu"))
    assert model.describe()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (model.name, model.input_sizes) == ("shop", (64, 96))
    assert model.calibration == Calibration((1, 0, 0))
    mask = mask_of(model, disc, input_size=96)
    assert mask[60, 80] > 200 > 50 > mask[2, 2]
    difference = mask_of(model, disc).astype(int) - rembg_mask(model, disc)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"size": None}, "shop.toml: size: Field required"),
        ({"size": 100}, "multiple of 32"),
        ({"activation": "softmax"}, "activation"),
        ({"licence": None}, "licence: Field required"),
        ({"mean": [1, 2]}, "mean"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_a_wrong_toml_is_named_with_its_field(fields, said, tmp_path):
    path = write_own(brightness_graph(tmp_path / "shop.onnx", 64), **fields)
    with pytest.raises(ConfigurationError, match=re.escape(said)) as error:
        own.find_spec(str(path))
    assert str(tmp_path) not in error.value.detail


def test_a_missing_toml_a_missing_file_and_a_taken_name_are_refused(tmp_path):
    path = brightness_graph(tmp_path / "shop.onnx", 64)
    with pytest.raises(ConfigurationError, match=r"shop\.toml must lie beside shop\.onnx"):
        own.find_spec(str(path))
    with pytest.raises(ConfigurationError, match=r"no file none\.onnx"):
        own.find_spec(str(tmp_path / "none.onnx"))
    with pytest.raises(ConfigurationError, match="rename the file"):
        own.model_name("folder/u2net.onnx")


def test_an_own_file_that_changed_is_refused_where_its_hash_is_given(tmp_path):
    path = write_own(brightness_graph(tmp_path / "shop.onnx", 64), sha256="0" * 64)
    with pytest.raises(WeightsCorrupt):
        RembgModel(str(path), Settings(cache_dir=tmp_path / "cache", device="cpu"))


@pytest.mark.weights
def test_a_server_with_a_published_and_an_own_model(tmp_path, u2netp_path, disc_png):
    """The own file by a path relative to where the command was typed."""
    import urllib.request

    from held_server import FORM, form

    write_own(brightness_graph(tmp_path / "shop.onnx", 64))
    settings = {"runtime": "onnxruntime", "precision": "fp32", "cache_dir": tmp_path / "cache"}
    with start(tmp_path, models="u2netp, shop.onnx", **settings) as running:
        running.wait_until_ready()
        with urllib.request.urlopen(f"{running.address}/health") as answer:
            state = json.load(answer)
        assert [one["name"] for one in state["models"]] == ["u2netp", "shop"]
        assert all(one["relative_work"] > 0 for one in state["models"])
        # Its row has coefficients fitted on its own maps.
        assert [one["calibrated_on"] for one in state["models"]] == ["u2netp", "u2net"]
        body = form(disc_png).replace(
            b"--held\r\n",
            b'--held\r\nContent-Disposition: form-data; name="model"\r\n\r\nshop\r\n--held\r\n',
            1,
        )
        request = urllib.request.Request(
            f"{running.address}/remove-bg",
            body,
            {"Content-Type": FORM, "Accept": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["model"]["name"] == "shop"


def test_too_little_memory_stops_the_start_with_one_sentence(settings, monkeypatch):
    monkeypatch.setattr("cutout.memory.total_bytes", lambda: 500_000_000)
    with pytest.raises(ConfigurationError, match="CUTOUT_CHECK_MEMORY=off"):
        create_app(settings.model_copy(update={"models": ("u2net", "u2netp")}))
