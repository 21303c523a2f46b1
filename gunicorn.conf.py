"""One process owns the model; threads for requests; no preload, for CUDA breaks over a fork."""

from cutout import logs
from cutout.settings import load

settings = load()

bind = f"{settings.host}:{settings.port}"
workers = 1
worker_class = "cutout.server.worker.Worker"
# Every admitted image holds a thread; the rest keep /health and refusals answering.
threads = settings.queue + 16
worker_connections = 4 * settings.queue + 64
# Longer than any Retry-After: who comes back when told to finds the connection open.
keepalive = 40
# The worker answers what it admitted and ends by itself before that, even if its model hangs.
# Forwarded headers are judged in cutout/http/proxies.py, against CUTOUT_TRUSTED_PROXIES alone.
forwarded_allow_ips = ""
graceful_timeout = int(settings.deadline_s) + 5
# Of the worker's main loop, which never waits longer than a second.
timeout = 120
logconfig_dict = logs.config(settings.log)
# Nothing here is steered by it, it wants a writable home, and two servers would share one.
control_socket_disable = True
