"""The memory of a machine, or what its container or service may have of it."""

import pytest

from cutout import memory

MACHINE = 16000 * 1024
VERSIONS = [
    ("0::{}", "", "memory.max"),
    ("9:cpu:/\n4:hugetlb,memory:{}\n0::/", "memory", "memory.limit_in_bytes"),
]


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal:       16000 kB\nMemFree:        1 kB\n")
    return tmp_path / "proc"


def test_the_machines_memory_counts_outside_of_a_group(proc, tmp_path):
    assert memory.total_bytes(proc, tmp_path / "none") == MACHINE


@pytest.mark.parametrize("text, expected", [("5000000\n", 5_000_000), ("max\n", MACHINE)])
@pytest.mark.parametrize("groups, folder, name", VERSIONS, ids=["2", "1"])
@pytest.mark.parametrize("limited", ["/", "/system.slice", "/system.slice/cutout.service"])
def test_the_limit_of_a_group_counts_where_it_is_smaller(
    proc, tmp_path, groups, folder, name, limited, text, expected
):
    """As the root a container sees, as systemd's group of the service, or as one above it."""
    (proc / "self/cgroup").write_text(groups.format("/system.slice/cutout.service"))
    file = tmp_path / "cgroup" / folder / limited[1:] / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert memory.total_bytes(proc, tmp_path / "cgroup") == expected


def test_the_limit_of_another_group_does_not_count(proc, tmp_path):
    (proc / "self/cgroup").write_text("0::/system.slice/cutout.service\n")
    (tmp_path / "system.slice/other.service").mkdir(parents=True)
    (tmp_path / "system.slice/other.service/memory.max").write_text("5000000")
    assert memory.total_bytes(proc, tmp_path) == MACHINE


def test_a_group_outside_of_the_container_is_no_error(proc, tmp_path):
    """Docker without namespaces of control groups: the path is the host's, the root our own."""
    (proc / "self/cgroup").write_text("0::/../../docker/0123\n")
    (tmp_path / "memory.max").write_text("5000000")
    assert memory.total_bytes(proc, tmp_path) == 5_000_000


def test_elsewhere_it_is_unknown(tmp_path):
    assert memory.total_bytes(tmp_path / "none") is None


@pytest.mark.parametrize(
    "total, workers, expected",
    [(None, 1, 1.4e9), (24e9, 4, 2.8e9), (2e9, 4, 1e9)],
)
def test_requests_get_what_the_workers_can_use_and_at_most_half(
    monkeypatch, total, workers, expected
):
    monkeypatch.setattr(memory, "total_bytes", lambda: total)
    assert memory.for_requests(workers) == expected
