"""Limits on what is inside the service at once: who is let in, and what may be in memory."""

from cutout.admission.answer_spool import Answer, AnswerSpool
from cutout.admission.byte_limit import ByteLimit
from cutout.admission.concurrency_limit import ConcurrencyLimit
from cutout.admission.queue_limit import QueueLimit
from cutout.admission.throughput import FIXED_MEGAPIXELS, Throughput

__all__ = [
    "FIXED_MEGAPIXELS",
    "Answer",
    "AnswerSpool",
    "ByteLimit",
    "ConcurrencyLimit",
    "QueueLimit",
    "Throughput",
]
