"""One process owns the model; threads for requests; no preload, for CUDA breaks over a fork."""

from cutout.settings import load

knobs = load()

bind = f"{knobs.host}:{knobs.port}"
workers = 1
worker_class = "cutout.server.worker.Worker"
# Every admitted picture holds a thread; the rest keep /health and refusals answering.
threads = knobs.queue + 16
worker_connections = 4 * knobs.queue + 64
# Longer than any Retry-After: who comes back when told to finds the connection open.
keepalive = 40
graceful_timeout = int(knobs.deadline_s) + 5
# The weights are loaded and checked before the worker reports to its master.
timeout = 120
# Nothing here is steered by it, it wants a writable home, and two servers would share one.
control_socket_disable = True
