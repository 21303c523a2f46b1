"""Odd and broken files through the whole service: right, or refused by name, and healthy after."""

import pytest
from test_api import PROBLEM, post

REFUSALS = {400, 415, 422}


def outcomes(client, folder):
    """The answer to every file posted."""
    return {
        path.name: post(client, "/remove-bg", image=path.read_bytes() or b"\0")
        for path in sorted(folder.rglob("*.*"))
    }


@pytest.mark.parametrize("name", ["odd", "broken"])
def test_every_file_is_answered_well_and_the_service_is_healthy_after(client, data_dir, name):
    rows = outcomes(client, data_dir / name)
    assert len(rows) > 100
    for file, response in rows.items():
        known = response.status_code == 200 or (
            response.status_code in REFUSALS and response.content_type == PROBLEM
        )
        assert known, (file, response.status_code, response.text[:200])
    assert client.get("/health").status_code == 200


# Damage that touches no pixel: unreadable notes in EXIF, a wrong directory of further images.
# A reader that refused these would refuse photographs of real cameras.
HARMLESS = ("exif", "mpo", "eps__", "imagedraw", "itxt", "missing_background", "palette_negative")


def test_broken_files_are_refused_unless_their_pixels_are_whole(client, data_dir):
    rows = outcomes(client, data_dir / "broken")
    accepted = [file for file, response in rows.items() if response.status_code == 200]
    assert all(any(word in file for word in HARMLESS) for file in accepted), accepted
    assert len(accepted) < len(rows) / 7
