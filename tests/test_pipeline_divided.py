"""The order of work in parts gives the bytes that it gives in one piece."""

import io
import pickle

import numpy as np
import pytest
from conftest import image_bytes

from cutout import images, pipeline
from cutout.errors import InvalidValue, UndecodableImage
from cutout.models.table import spec_of
from cutout.options import Options
from cutout.pipeline.divided import DividedPipeline

CASES = [
    {},
    {"fit": "pad", "matting": "closed-form"},
    {"crop": True, "background": "blur", "format": "jpeg"},
    {"output": "mask"},
    {"remove": False, "max_size": 50},
]


def divided(**options) -> DividedPipeline:
    return DividedPipeline(
        pipeline.make_plan(Options(**options)), spec_of("u2net"), images.Limits()
    )


def brightness(tensor: np.ndarray) -> np.ndarray:
    """Stands for the model: what it answers is carried through, never judged here."""
    scores = tensor.mean(axis=0)
    return (scores - scores.min()) / max(np.ptp(scores), 1e-6)


@pytest.mark.parametrize("options", CASES)
def test_the_parts_give_the_bytes_of_the_whole(options, disc_png):
    parts = divided(**options)
    maps = [brightness(tensor) for tensor in parts.prepare(disc_png)]
    assert parts.finish(disc_png, maps).data == parts.cut_out(disc_png, brightness).data


def test_a_second_look_needs_the_whole(disc_png):
    parts = divided(quality="best")
    with pytest.raises(InvalidValue, match="local engine"):
        parts.prepare(disc_png)
    assert parts.cut_out(disc_png, brightness).data


def test_the_parts_travel_to_another_process(disc_png):
    parts = divided(background="ff0000")
    again = pickle.loads(pickle.dumps(parts))
    assert again.cut_out(disc_png, brightness).data == parts.cut_out(disc_png, brightness).data


def test_pixels_are_counted_without_decoding(disc_png):
    assert divided().check(disc_png) == 120 * 160


@pytest.mark.parametrize("remove", [True, False])
def test_a_damaged_file_is_refused_by_the_first_part(remove, disc_png):
    with pytest.raises(UndecodableImage):
        divided(remove=remove).prepare(disc_png[:-40])


@pytest.mark.weights
def test_the_parts_give_what_the_endpoint_answers(real_app, u2net, disc):
    data = image_bytes(disc, "JPEG")
    maps = u2net.infer(list(divided(matting="knn").prepare(data)))
    response = real_app.test_client().post(
        "/remove-bg", data={"image": (io.BytesIO(data), "a.jpg"), "matting": "knn"}
    )
    assert response.status_code == 200
    assert divided(matting="knn").finish(data, maps).data == response.data
