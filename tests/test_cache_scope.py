"""Whether an image is known tells who has sent it before: not to holders of other keys."""

import io

import pytest
from pydantic import SecretStr
from standin import StandIn

from app import create_app

FIRST, SECOND = "the-first-key-of-two-keys", "the-second-key-of-two-keys"


@pytest.fixture
def keyed(settings):
    keys = SecretStr(f"ann={FIRST},bob={SECOND}")
    app = create_app(settings.model_copy(update={"keys": keys}), StandIn())
    yield app.test_client()
    app.extensions["cutout"].service.close()


def cache(client, data, key=None):
    headers = {"X-Api-Key": key} if key else {}
    form = {"image": (io.BytesIO(data), "a.png")}
    return client.post("/remove-bg", data=form, headers=headers).headers["X-Cutout-Cache"]


def test_scores_are_remembered_for_each_key_apart(keyed, disc_png):
    seen = [cache(keyed, disc_png, key) for key in (FIRST, SECOND, FIRST, SECOND)]
    assert seen == ["miss", "miss", "hit", "hit"]


def test_without_keys_all_share_what_is_known(client, disc_png):
    assert [cache(client, disc_png) for _ in range(2)] == ["miss", "hit"]
