"""The memory of a machine or of its container."""

import pytest

from cutout import memory

MEMINFO = "MemTotal:       16000 kB\nMemFree:        1 kB\n"


@pytest.fixture
def proc(tmp_path):
    file = tmp_path / "meminfo"
    file.write_text(MEMINFO)
    return file


def test_the_machines_memory_counts_outside_of_a_container(proc, tmp_path):
    assert memory.total_bytes(proc, tmp_path / "none") == 16000 * 1024


@pytest.mark.parametrize("name", memory.LIMITS)
@pytest.mark.parametrize("text, expected", [("5000000\n", 5_000_000), ("max\n", 16000 * 1024)])
def test_a_containers_limit_counts_where_it_is_smaller(proc, tmp_path, name, text, expected):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert memory.total_bytes(proc, tmp_path) == expected


def test_elsewhere_it_is_unknown(tmp_path):
    assert memory.total_bytes(tmp_path / "none") is None
