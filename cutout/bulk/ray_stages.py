"""What runs in the workers of a Ray cluster. Nothing here imports Ray.

Items are dictionaries, as Ray Data passes them: the fields of `Source`, `data` (the file),
`arrays` (the model's inputs, then its maps), `row` (JSON; empty while the image is under way).
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from cutout.bulk.folders import Folder, Source
from cutout.bulk.images import Failure, FileLimits, check_source, save
from cutout.bulk.rows import failed_row
from cutout.bulk.stages import Model, Stages, runtime_name
from cutout.errors import CutoutError

if TYPE_CHECKING:
    import pyarrow

Item = dict[str, Any]
SOURCE_FIELDS = tuple(field.name for field in fields(Source))


def source_of(item: Item) -> Source:
    """The source that an item was made from."""
    return Source(**{name: item[name] for name in SOURCE_FIELDS})


def prepare(item: Item, folder: Folder, stages: Stages, limits: FileLimits) -> Item:
    """Read and decode one image and make the model's inputs."""
    source = source_of(item)
    done: Item = asdict(source) | {"data": b"", "arrays": b"", "row": "", "runtime": ""}
    try:
        check_source(source, limits)
        data = folder.read(source.key)
        return done | {"data": data, "arrays": pickle.dumps(stages.prepare(data))}
    except Failure as error:
        return done | {"row": json.dumps(failed_row(source, error))}


class InferActor:
    """Holds the model for as long as the process lives."""

    def __init__(self, load_model: Callable[[], Model]) -> None:
        """Load the model."""
        self.model = load_model()

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """The batch with the model's maps in place of its inputs; files pass by untouched."""
        import pyarrow

        rows: list[str] = batch["row"].to_pylist()
        pickled: list[bytes] = batch["arrays"].to_pylist()
        inputs = [
            () if row else pickle.loads(data) for row, data in zip(rows, pickled, strict=True)
        ]
        maps = infer_all(self.model, inputs)
        for index, found in enumerate(maps):
            if isinstance(found, CutoutError):
                item = {name: batch[name][index].as_py() for name in SOURCE_FIELDS}
                rows[index], maps[index] = json.dumps(failed_row(source_of(item), found)), ()
        runtime = [runtime_name(self.model)] * len(batch)
        columns = {
            "row": pyarrow.array(rows, pyarrow.string()),
            "runtime": pyarrow.array(runtime, pyarrow.string()),
            "arrays": pyarrow.array(map(pickle.dumps, maps), pyarrow.binary()),
        }
        for name, column in columns.items():
            batch = batch.set_column(batch.schema.get_field_index(name), name, column)
        return batch


Maps = Sequence[np.ndarray] | CutoutError


def infer_all(model: Model, inputs: Sequence[Sequence[np.ndarray]]) -> list[Maps]:
    """The maps of each image's inputs, or its error; inputs of one shape go through together."""
    slots = [(image, view) for image, views in enumerate(inputs) for view in range(len(views))]
    found: dict[tuple[int, int], np.ndarray] = {}
    failed: dict[int, CutoutError] = {}
    shapes = sorted({inputs[image][view].shape for image, view in slots})
    for shape in shapes:
        same = [slot for slot in slots if inputs[slot[0]][slot[1]].shape == shape]
        step = max(1, model.preferred_batch)
        for first in range(0, len(same), step):
            _infer_some(model, inputs, same[first : first + step], found, failed)
    return [
        failed.get(image) or [found[image, view] for view in range(len(views))]
        for image, views in enumerate(inputs)
    ]


def _infer_some(
    model: Model,
    inputs: Sequence[Sequence[np.ndarray]],
    slots: list[tuple[int, int]],
    found: dict[tuple[int, int], np.ndarray],
    failed: dict[int, CutoutError],
) -> None:
    """One pass; where it fails each input alone, so that only the one at fault fails."""
    try:
        maps = model.infer([inputs[image][view] for image, view in slots])
        found.update(zip(slots, maps, strict=True))
    except CutoutError as error:
        if len(slots) == 1:
            failed[slots[0][0]] = error
            return
        for slot in slots:
            _infer_some(model, inputs, [slot], found, failed)


def finish(item: Item, folder: Folder, stages: Stages, limits: FileLimits) -> Item:
    """Make the matte and the result of one image and write it; only its row is left."""
    if item["row"]:
        return {"row": item["row"]}
    source = source_of(item)
    try:
        result = stages.finish(item["data"], pickle.loads(item["arrays"]))
        row = save(folder, source, result, limits.suffix, item["runtime"])
    except Failure as error:
        row = failed_row(source, error)
    return {"row": json.dumps(row)}
