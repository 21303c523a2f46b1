"""`cutout keys new`: a key that opens the service, and a line that holds only its hash."""

import re

import pytest
from click.testing import CliRunner

from cutout.cli.keys import keys
from cutout.http.keys import from_file


def test_the_line_names_the_key_and_does_not_hold_it(tmp_path):
    done = CliRunner().invoke(keys, ["new", "shop"])
    key = re.search(r"key, for its user: (\S+)", done.stderr)[1]
    assert key not in done.stdout
    path = tmp_path / "keys"
    path.write_text(done.stdout)
    assert from_file(path).name_of(key) == "shop"


@pytest.mark.parametrize("name", ["a:b", "", "x" * 65, "a b"])
def test_a_name_that_a_line_cannot_hold_is_refused(name):
    done = CliRunner().invoke(keys, ["new", name])
    assert done.exit_code == 2
