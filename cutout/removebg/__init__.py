"""The remove.bg v1.0 dialect: its parameters, errors, sizes and answers, so that old clients work.

Where the original's behaviour is not published, `docs/migrate.md` says what was chosen.
"""

from cutout.removebg.quality import parse_options
from cutout.removebg.views import PREFIX, Dialect, bp, error_answer, register

__all__ = ["PREFIX", "Dialect", "bp", "error_answer", "parse_options", "register"]
