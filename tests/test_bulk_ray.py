"""The Ray engine on real clusters of several nodes on this machine; one node is killed.

Each test starts its own raylets and the command as its own process: minutes, so `make test-fleet`.
"""

import os
import signal

import pytest

pytest.importorskip("ray", reason="Ray is in requirements-bulk.txt")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from bulk_kit import draw_images, finish, manifest, results, start, wait_for_results
from ray.cluster_utils import Cluster

# Ray's own: sockets and processes that its utilities leave to the garbage collector.
pytestmark = [
    pytest.mark.fleet,
    pytest.mark.weights,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
NODE = {"num_cpus": 2, "object_store_memory": 150_000_000, "memory": 3_000_000_000}
IMAGES = 60


@pytest.fixture
def cluster():
    head = NODE | {"include_dashboard": False, "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def expected(tmp_path_factory, u2netp_path):
    """Source folder, and the results of the engine of one machine."""
    source, target = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("local")
    draw_images(source, IMAGES, side=64)
    finish(start(source, target))
    return source, results(target)


def test_a_node_killed_in_the_middle_loses_nothing_and_does_nothing_twice(
    cluster, expected, tmp_path
):
    source, local = expected
    nodes = [cluster.add_node(**NODE) for _ in range(2)]
    target = tmp_path / "out"
    process = start(source, target, "--engine", "ray", "--address", cluster.address)
    wait_for_results(process, target, 3)
    cluster.remove_node(nodes[0], allow_graceful=False)
    assert len(results(target)) < IMAGES, "the node was killed too late to matter"
    output = finish(process)
    assert f"{IMAGES} done, 0 failed in this run; {IMAGES} done, 0 failed in all" in output
    assert len(manifest(target)) == IMAGES
    assert results(target) == local


def test_a_killed_driver_is_continued(cluster, expected, tmp_path):
    source, local = expected
    cluster.add_node(**NODE)
    target, words = tmp_path / "out", ("--engine", "ray", "--address", cluster.address)
    process = start(source, target, *words)
    wait_for_results(process, target, 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finish(start(source, target, *words))
    assert len(manifest(target)) == IMAGES
    assert results(target) == local


def test_a_cluster_that_does_not_answer_is_named(expected, tmp_path):
    process = start(expected[0], tmp_path, "--engine", "ray", "--address", "127.0.0.1:1")
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "no Ray cluster answers at '127.0.0.1:1'" in output
