"""One process owns the model; threads for requests; no preload, for CUDA breaks over a fork."""

import resource

from cutout import logs
from cutout.server.connection_worker import OTHER_THREADS
from cutout.settings import load

settings = load()
# A connection that waits for its client costs a descriptor and a few kB, and no thread.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
open_files = 16_384 if most_files == resource.RLIM_INFINITY else min(16_384, most_files)
resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, most_files))

bind = f"{settings.host}:{settings.port}"
workers = 1
worker_class = "cutout.server.worker.Worker"
# Every admitted image holds a thread, and every body that is being read or answer being sent.
threads = settings.queue + 192 + OTHER_THREADS
worker_connections = open_files // 2
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
