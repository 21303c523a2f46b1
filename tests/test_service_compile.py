"""Compiling for another input size: outside the model's thread and outside the deadline."""

import threading

import pytest
from standin import StandIn
from test_api import post

from app import create_app


class SlowToCompile(StandIn):
    """Compiling for a size other than the model's own waits until the test lets it go on."""

    def __init__(self):
        super().__init__()
        self.compiled, self.asked = threading.Event(), threading.Event()

    def open_sizes(self, sides, timeout=None):
        if sides != {self.input_size}:
            self.asked.set()
            assert self.compiled.wait(10)


@pytest.fixture
def model():
    return SlowToCompile()


@pytest.fixture
def app(settings, model):
    app = create_app(settings.model_copy(update={"deadline_s": 1.0}), model)
    yield app
    app.extensions["cutout"].service.close()


def test_others_are_served_meanwhile_and_the_deadline_does_not_run(app, model, disc_png):
    statuses = []

    def ask(size):
        response = post(app.test_client(), "/remove-bg", image=disc_png, input_size=size)
        statuses.append((size, response.status_code))

    slow = threading.Thread(target=ask, args=("384",))
    slow.start()
    assert model.asked.wait(10)
    ask("")
    assert statuses == [("", 200)]
    threading.Event().wait(1.2)  # longer than the deadline, which must not have begun
    model.compiled.set()
    slow.join()
    assert statuses == [("", 200), ("384", 200)]


def test_nobody_is_admitted_while_it_is_compiled(app, model, disc_png):
    client = app.test_client()
    thread = threading.Thread(
        target=lambda: post(client, "/remove-bg", image=disc_png, input_size="512")
    )
    thread.start()
    assert model.asked.wait(10)
    assert app.extensions["cutout"].service.queue_limit.inside == 0
    model.compiled.set()
    thread.join()
