"""One process owns the model; threads for requests; no preload, for CUDA breaks over a fork."""

from cutout.settings import load

settings = load()

bind = f"{settings.host}:{settings.port}"
workers = 1
worker_class = "cutout.server.worker.Worker"
# Every admitted picture holds a thread; the rest keep /health and refusals answering.
threads = settings.queue + 16
worker_connections = 4 * settings.queue + 64
# Longer than any Retry-After: who comes back when told to finds the connection open.
keepalive = 40
graceful_timeout = int(settings.deadline_s) + 5
# The weights are loaded and checked before the worker reports to its master.
timeout = 120
# Nothing here is steered by it, it wants a writable home, and two servers would share one.
control_socket_disable = True
