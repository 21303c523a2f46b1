"""Requests made from /openapi.json, right and wrong ones: answers are as it describes them."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks
from standin import StandIn

from app import create_app
from cutout.settings import Settings

EXAMPLES = 25
CHECKS = (
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    settings = Settings(upload_dir=folder / "uploads", result_dir=folder / "results")
    app = create_app(settings, StandIn())
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    app.extensions["cutout"].service.close()


FILES = ("image", "mask", "prediction", "trimap", "keep", "erase", "background_image")
OPERATIONS = [
    ("POST", "/remove-bg"),
    ("POST", "/evaluate"),
    ("GET", "/results/{name}"),
    ("DELETE", "/results/{name}"),
    ("GET", "/health"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/v1.0/removebg"),
    ("GET", "/v1.0/account"),
]


def test_every_operation_is_tried(described):
    found = [one.ok() for one in described.get_all_operations()]
    assert sorted((one.method.upper(), one.path) for one in found) == sorted(OPERATIONS)


RIGHT, WRONG = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
# Only a body can be wrong in ways that are not another address.
CASES = [(RIGHT, *one) for one in OPERATIONS] + [
    (WRONG, *one) for one in OPERATIONS if one[0] == "POST"
]


def try_cases(operation, mode, change=lambda case: None) -> list[int]:
    """Statuses of the answers, each of which was as described."""
    statuses = []

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def try_one(case):
        change(case)
        answer = case.call()
        case.validate_response(answer, checks=list(CHECKS))
        statuses.append(answer.status_code)

    try_one()
    return statuses


@pytest.mark.parametrize("mode, method, path", CASES)
def test_answers_are_as_described(described, mode, method, path):
    assert try_cases(described[path][method], mode)


@pytest.mark.parametrize("path", ["/remove-bg", "/evaluate"])
def test_answers_to_real_images_are_as_described(described, path, disc_png, disc_mask):
    """Bytes that are no image end early; with an image all options are worked through."""

    def with_images(case):
        body = {name: value for name, value in case.body.items() if name not in FILES}
        image = (
            {"image": disc_png, "mask": disc_mask} if path == "/evaluate" else {"image": disc_png}
        )
        case.body = body | image

    assert 200 in try_cases(described[path]["POST"], RIGHT, with_images)
