"""The steps that confine the subject to a rectangle of the image."""

from dataclasses import replace

import numpy as np

from cutout.pipeline.frame import Frame, Job


def cut(frame: Frame, job: Job) -> Frame:
    """Show the following steps the rectangle alone: the model's map is finer for it."""
    top, left, height, width = job.plan.region or (0, 0, *frame.size)
    part = frame.rgb[top : top + height, left : left + width]
    return replace(frame, rgb=np.ascontiguousarray(part), whole=frame.rgb)


def paste(frame: Frame, job: Job) -> Frame:
    """The whole image again, with nothing of the subject outside of the rectangle."""
    if frame.whole is None:
        raise ValueError("the frame was not cut")
    top, left, height, width = job.plan.region or (0, 0, *frame.size)
    alpha = np.zeros(frame.whole.shape[:2], np.float32)
    alpha[top : top + height, left : left + width] = frame.matte
    return replace(frame, rgb=frame.whole, alpha=alpha, whole=None)
