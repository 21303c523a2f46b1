"""One runtime for each input size of a model, compiled when first asked for."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from cutout.errors import CutoutError, ModelFailed, NotReady
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.factory import open_runtime

log = logging.getLogger(__name__)

# A failed compilation is not tried again before this many seconds have passed.
RETRY_S = 60.0
# Sizes compiled at the same time; each takes all cores and the memory of one more model.
MAX_COMPILATIONS = 2


class RuntimePool:
    """The runtimes of one model by input size. `get` may be called from any thread.

    Each size is compiled once, in a thread of the pool: who asks for another size is not held up,
    and who has a time limit can leave while the compilation goes on.
    """

    def __init__(
        self,
        config: RuntimeConfig,
        open_config: Callable[[RuntimeConfig], Runtime] = open_runtime,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Compile nothing yet.

        config: of the model; its input size is replaced by the one asked for. open_config: loads
        and compiles. clock: monotonic, in seconds.
        """
        self._config, self._open_config, self._clock = config, open_config, clock
        self._lock = threading.Lock()
        self._by_size: dict[int, Future[Runtime]] = {}
        self._ended_at: dict[int, float] = {}
        self._threads = ThreadPoolExecutor(MAX_COMPILATIONS, thread_name_prefix="compile")

    def get(self, input_size: int, timeout: float | None = None) -> Runtime:
        """The runtime for tensors (3, S, S) with S = input_size, in px.

        timeout: seconds to wait for a compilation, None = until it ends; then NotReady, which
        says when to try again. A failed compilation raises the error of `open_config`, for
        RETRY_S seconds without another attempt.
        """
        future = self._future(input_size)
        try:
            error = future.exception(timeout)
        except TimeoutError:
            raise NotReady(
                f"the model is being compiled for input size {input_size}; try again shortly"
            ) from None
        if isinstance(error, CutoutError):
            # A new instance: threads that raise the same one would all add their frames to it.
            raise type(error)(error.detail, **error.extra) from error
        if error is not None:
            raise ModelFailed(
                f"the model could not be compiled for input size {input_size}; choose another"
            ) from error
        return future.result()

    def close(self) -> None:
        """Wait for running compilations and free every runtime; `get` must not be called after."""
        self._threads.shutdown()
        for future in self._by_size.values():
            if future.exception() is None:
                future.result().close()

    def _future(self, input_size: int) -> Future[Runtime]:
        """The compilation of this size, started where there is none or a failure is old enough."""
        with self._lock:
            future = self._by_size.get(input_size)
            if future is None or self._may_retry(input_size, future):
                future = self._threads.submit(self._compile, input_size)
                self._by_size[input_size] = future
            return future

    def _may_retry(self, input_size: int, future: Future[Runtime]) -> bool:
        if not future.done() or future.exception() is None:
            return False
        return self._clock() - self._ended_at[input_size] >= RETRY_S

    def _compile(self, input_size: int) -> Runtime:
        name, began = self._config.model_name, self._clock()
        try:
            runtime = self._open_config(replace(self._config, input_size=input_size))
            log.info("%s: ready for %d px in %.1f s", name, input_size, self._clock() - began)
            return runtime
        finally:
            self._ended_at[input_size] = self._clock()
