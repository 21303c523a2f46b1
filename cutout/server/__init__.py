"""The server process: launch, and gunicorn's worker."""
