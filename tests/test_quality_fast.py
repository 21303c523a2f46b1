"""`quality=fast` through every way in: HTTP, the remove.bg dialect's options, commands, Python."""

import json

import pytest
from bulk_kit import draw_images
from standin import StandIn
from test_api import post
from test_models_registry import Inverse, alpha_of, cut

from app import create_app
from cutout import pipeline
from cutout.errors import InvalidValue
from cutout.options import Options


class Small(Inverse):
    """Named as the fast model; darkness is its subject."""

    input_size, input_sizes = 320, (320,)

    def describe(self):
        return {"name": "u2netp", "md5": None, "sha256": "e" * 64}


@pytest.fixture
def models():
    return {"stand-in": StandIn(), "u2netp": Small()}


@pytest.fixture
def app(settings, models):
    app = create_app(settings, models)
    yield app
    app.extensions["cutout"].service.close()


def test_fast_asks_the_small_model(app, client, models, disc_png):
    fast, named = cut(client, disc_png, quality="fast"), cut(client, disc_png, model="u2netp")
    assert fast.data == named.data
    assert (alpha_of(fast)[60, 80], alpha_of(fast)[2, 2]) == (0, 1)
    assert models["stand-in"].calls == []
    storage = app.extensions["cutout"].service.storage
    record = storage.load(fast.headers["X-Cutout-Id"]).record
    assert (record["model"]["name"], record["options"]["quality"]) == ("u2netp", "fast")


def test_fast_and_standard_never_share_a_cached_map(client, disc_png):
    kinds = [
        cut(client, disc_png, quality=quality).headers["X-Cutout-Cache"]
        for quality in ("fast", "standard", "fast")
    ]
    assert kinds == ["miss", "miss", "hit"]


def test_evaluate_takes_it_too(client, disc_png, disc_mask):
    ious = [
        post(client, "/evaluate", image=disc_png, mask=disc_mask, quality=quality).json["iou"]
        for quality in ("standard", "fast")
    ]
    assert ious[0] > 0.9 > 0.1 > ious[1]


def test_a_service_without_the_model_names_the_setting(settings, disc_png):
    app = create_app(settings, StandIn())
    answer = post(app.test_client(), "/remove-bg", image=disc_png, quality="fast")
    assert (answer.status_code, answer.json["field"]) == (400, "quality")
    assert "CUTOUT_MODELS=u2net,u2netp" in answer.json["detail"]
    assert answer.json["allowed"] == ["standard", "best"]
    app.extensions["cutout"].service.close()


def test_another_model_contradicts_it(client, disc_png):
    answer = post(client, "/remove-bg", image=disc_png, quality="fast", model="stand-in")
    assert (answer.status_code, answer.json["field"]) == (400, "model")
    assert cut(client, disc_png, quality="fast", model="u2netp")
    with pytest.raises(InvalidValue, match="u2netp"):
        pipeline.make_plan(Options(quality="fast", model="stand-in"))


def test_the_commands_take_it(app, tmp_path, disc_png, models):
    (tmp_path / "a.png").write_bytes(disc_png)
    words = ["cutout", "remove", str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    result = app.test_cli_runner().invoke(args=[*words, "--quality", "fast"])
    assert (result.exit_code, models["stand-in"].calls) == (0, []), result.output
    assert len(models["u2netp"].calls) == 1


def test_a_folder_is_done_with_it_and_it_is_another_job(app, tmp_path, models):
    pytest.importorskip("pyarrow", reason="pyarrow is in requirements-bulk.txt")
    draw_images(tmp_path / "in", 1)
    words = ["cutout", "bulk", str(tmp_path / "in"), str(tmp_path / "out")]
    runner = app.test_cli_runner()
    assert runner.invoke(args=[*words, "--quality", "fast"]).exit_code == 0
    assert (models["stand-in"].calls, len(models["u2netp"].calls)) == ([], 1)
    assert "options" in runner.invoke(args=words).output


def test_clients_of_the_dialect_get_it_by_the_servers_options(settings, models, disc_png):
    options = settings.model_copy(update={"removebg_options": "quality=fast"})
    app = create_app(options, models)
    answer = post(app.test_client(), "/v1.0/removebg", image_file=disc_png)
    assert answer.status_code == 200, json.dumps(answer.json)
    assert models["stand-in"].calls == []
    app.extensions["cutout"].service.close()


@pytest.mark.weights
def test_a_single_model_refuses_options_for_another(u2net, tmp_path, disc_png):
    (tmp_path / "a.png").write_bytes(disc_png)
    with pytest.raises(InvalidValue, match="This is the model u2net, not u2netp"):
        u2net.remove_bg(tmp_path / "a.png", tmp_path / "b.png", Options(quality="fast"))
    assert not (tmp_path / "b.png").exists()
