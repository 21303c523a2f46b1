"""`cutout evaluate --calibrate`: the predicted IoU fitted to a user's own images."""

import io
import json

import click
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import image_bytes
from PIL import Image
from standin import StandIn

from app import create_app
from cutout.cli.evaluate import register
from cutout.errors import ConfigurationError
from cutout.quality import Recalibration, read_recalibration
from cutout.settings import Settings

COUNT = 24


def square(shift):
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 10 + shift : 30 + shift] = 255
    return mask


def predictor(predicted, calibration=None):
    """Maps that are off by 0 to 3 pixels, and what the model predicts of each."""

    def make_predict(options):
        def predict(path):
            number = int(path.stem)
            return square(number % 4), {}, {"predicted_iou": predicted[number]}

        source = {"model": "drawn", "options": {}}
        return predict, source | ({"recalibration": calibration} if calibration else {})

    return make_predict


@pytest.fixture
def data(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for number in range(COUNT):
            Image.fromarray(square(0)).save(tmp_path / folder / f"{number}.png")
    return tmp_path


def evaluate(data, make_predict, *more):
    group = click.Group("cutout")
    register(group, make_predict)
    words = ["evaluate", str(data / "images"), str(data / "masks"), "--out", str(data / "out")]
    words += ["--jobs", "1", "--calibrate", str(data / "calibration.json"), *more]
    return CliRunner().invoke(group, words)


# The squares are shifted by 0 to 3 of 20 pixels: IoU 1, .905, .818, .739.
TRUE = [(1 - shift / 20) / (1 + shift / 20) for shift in range(4)]


def test_one_command_writes_the_file_that_brings_the_mean_to_that_of_the_images(data):
    predicted = [0.9 - 0.2 * (number % 4) for number in range(COUNT)]
    result = evaluate(data, predictor(predicted))
    assert result.exit_code == 0, result.output
    assert "CUTOUT_CALIBRATION=" in result.output
    calibration = read_recalibration(data / "calibration.json")
    after = [calibration.apply(one) for one in predicted]
    assert np.mean(after) == pytest.approx(np.mean(TRUE), abs=0.02)
    assert calibration.images == COUNT


def test_a_calibration_in_use_is_part_of_the_new_one(data):
    predicted = [0.9 - 0.2 * (number % 4) for number in range(COUNT)]
    earlier = Recalibration(-0.5, 0.7, 30)
    shown = [earlier.apply(one) for one in predicted]
    fields = {"intercept": -0.5, "slope": 0.7, "images": 30}
    result = evaluate(data, predictor(shown, fields))
    assert result.exit_code == 0, result.output
    calibration = read_recalibration(data / "calibration.json")
    after = [calibration.apply(one) for one in predicted]
    assert np.mean(after) == pytest.approx(np.mean(TRUE), abs=0.02)


def test_few_images_and_maps_of_others_are_refused(data):
    nothing = [0.0] * COUNT
    result = evaluate(data, predictor(nothing))
    assert result.exit_code == 1
    assert "needs 20 images" in result.output
    assert not (data / "calibration.json").exists()
    result = evaluate(data, predictor(nothing), "--predictions", str(data / "masks"))
    assert result.exit_code == 2
    assert "--calibrate" in result.output


def answer(settings, disc_png):
    app = create_app(settings, StandIn())
    try:
        files = {"image": (io.BytesIO(disc_png), "disc.png")}
        response = app.test_client().post("/remove-bg", data=files)
        record = json.loads(next(settings.result_dir.glob("*.json")).read_text())
        return response, record
    finally:
        app.extensions["cutout"].service.close()


def test_the_service_reads_the_file(tmp_path, disc_png):
    path = tmp_path / "calibration.json"
    path.write_text('{"intercept": -4, "slope": 1, "images": 30}')
    folders = [
        {name: tmp_path / kind / name for name in ("upload_dir", "result_dir")} for kind in "ab"
    ]
    _, plain = answer(Settings(**folders[0]), disc_png)
    response, record = answer(Settings(calibration=path, **folders[1]), disc_png)
    assert record["quality"]["predicted_iou"] < 0.4 < plain["quality"]["predicted_iou"]
    assert record["quality"]["flags"] == ["low_confidence"]
    assert response.headers["X-Cutout-Flags"] == "low_confidence"


def test_the_service_does_not_start_on_a_wrong_file(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"wrong\.json"):
        create_app(Settings(calibration=path), StandIn())


def test_strokes_of_a_person_do_not_lower_the_estimate(client, disc_png):
    """They correct the map that the final alpha is compared with."""
    corner = np.zeros((120, 160), np.uint8)
    corner[5:30, 5:30] = 255
    fields = {"image": (io.BytesIO(disc_png), "disc.png")}
    fields["keep"] = (io.BytesIO(image_bytes(corner)), "keep.png")
    response = client.post("/remove-bg", data=fields)
    assert response.status_code == 200
    assert "parts_added" not in response.headers.get("X-Cutout-Flags", "")
