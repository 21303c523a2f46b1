"""Bulk jobs: every image of a folder or bucket, on this machine or on a Ray cluster.

Works through what is passed in (`stages`): the package knows nothing of models and options.
"""

from cutout.bulk.folders import Folder, open_folder
from cutout.bulk.job import Job, Summary
from cutout.bulk.stages import Engine, Finished, Stages

__all__ = ["Engine", "Finished", "Folder", "Job", "Stages", "Summary", "open_folder"]
