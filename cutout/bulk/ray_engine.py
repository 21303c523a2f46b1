"""The engine of a Ray cluster: decoding and encoding in tasks, the model in actors.

A killed worker or node costs nothing but time: Ray runs its tasks again, results are written
atomically, and only the driver notes rows.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from cutout.bulk.folders import Folder
from cutout.bulk.images import FileLimits
from cutout.bulk.pending import Pending
from cutout.bulk.ray_stages import InferActor, finish, prepare
from cutout.bulk.stages import Model, Row, Stages
from cutout.errors import ConfigurationError

# Images in one task: their files and tensors are in memory together, some 5 MB each.
IMAGES_PER_TASK = 16
IMAGES_PER_BATCH = 8
CONNECT_S = 5.0
# Memory of a node that one process with the model takes.
MODEL_BYTES = 1_000_000_000
# Tasks whose process may end before the run is given up; their images get a second pass.
MAX_LOST_TASKS = 100


@dataclass(frozen=True)
class Cluster:
    """Where Ray runs, and how the cores are shared.

    address: `host:port` or `auto` of a running cluster; None starts one in this machine. actors:
    processes that hold the model; 0: one a node. actor_cpus: cores of each. gpus: GPUs of each.
    """

    address: str | None = None
    actors: int = 0
    actor_cpus: int = 1
    actor_gpus: float = 0

    def connect(self) -> Any:
        """The module `ray`, connected. Raises ConfigurationError."""
        # Read when ray is imported: nothing is reported to its makers.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            import ray
            import ray.data
        except ImportError:
            raise ConfigurationError(
                "Ray is not installed; install requirements-bulk.txt, or use --engine local"
            ) from None
        if not ray.is_initialized():
            self._check_address()
            own: dict[str, Any] = {} if self.address else {"include_dashboard": False}
            try:
                ray.init(self.address or "local", log_to_driver=False, logging_level="ERROR", **own)
            except (ConnectionError, ValueError) as error:
                raise ConfigurationError(
                    f"no Ray cluster answers at {self.address!r}: {error}"
                ) from None
        return ray

    def _check_address(self) -> None:
        """Ray itself would wait without end for a cluster that is not there."""
        host, _, port = (self.address or "").rpartition(":")
        if not host or not port.isdecimal():
            return
        try:
            socket.create_connection((host, int(port)), CONNECT_S).close()
        except OSError as error:
            raise ConfigurationError(
                f"no Ray cluster answers at {self.address!r}: {error.strerror or 'timed out'}"
            ) from None


@dataclass(frozen=True)
class RayEngine:
    """Works on images in a cluster. Every field is sent to its workers.

    load_model: called once in every actor.
    """

    source: Folder
    target: Folder
    stages: Stages
    load_model: Callable[[], Model]
    limits: FileLimits
    cluster: Cluster

    def __call__(self, pending: Pending) -> Iterator[Row]:
        """The rows, as images finish."""
        if not pending.count:
            return
        ray = self.cluster.connect()
        configure(ray.data.DataContext.get_current())
        for item in self.dataset(ray, pending).iter_rows():
            row: Row = json.loads(item["row"])
            yield row

    def dataset(self, ray: Any, pending: Pending) -> Any:
        """The images and what is done with them; nothing runs yet."""
        folder = pending.folder
        lists = [folder.full(name) for name in pending.lists]
        per_task = 1 if pending.alone else IMAGES_PER_TASK
        return (
            ray.data.read_parquet(lists, filesystem=folder.files)
            .repartition(target_num_rows_per_block=per_task)
            .map(partial(prepare, folder=self.source, stages=self.stages, limits=self.limits))
            .map_batches(
                InferActor,
                fn_constructor_args=(self.load_model,),
                batch_format="pyarrow",
                batch_size=min(per_task, IMAGES_PER_BATCH),
                compute=ray.data.ActorPoolStrategy(size=self.cluster.actors or nodes(ray)),
                num_cpus=self.cluster.actor_cpus,
                num_gpus=self.cluster.actor_gpus or None,
                # Set aside, and another demand than that of `prepare`: Ray would else run that in
                # the actors too, and the model would wait for the decoding.
                memory=MODEL_BYTES,
            )
            .map(partial(finish, folder=self.target, stages=self.stages, limits=self.limits))
        )


def nodes(ray: Any) -> int:
    """Living nodes of the cluster."""
    return sum(node["Alive"] for node in ray.nodes())


def configure(context: Any) -> None:
    """Ray Data's settings for this driver."""
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.max_errored_blocks = MAX_LOST_TASKS
