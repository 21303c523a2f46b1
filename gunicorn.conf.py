"""For `gunicorn 'app:serve()'` typed by hand; `python app.py` names the module itself."""

from cutout.server.gunicorn_conf import *  # noqa: F403
