"""An image alone gets the request with all cores; several at once get a stream each."""

import threading
from concurrent.futures import ThreadPoolExecutor

from cutout.runtimes.shared_requests import SharedRequests


class Streams:
    """Opens two streams once `go` is set."""

    def __init__(self, error=None):
        self.go, self.opened, self.error = threading.Event(), 0, error

    def __call__(self):
        assert self.go.wait(10)
        self.opened += 1
        if self.error:
            raise self.error
        return ["stream 1", "stream 2"]


def test_an_image_alone_never_opens_streams():
    streams = Streams()
    requests = SharedRequests("single", streams)
    for _ in range(3):
        with requests.taken() as request:
            assert request == "single"
    requests.close()
    assert streams.opened == 0


def test_images_that_come_together_get_a_stream_each_after_a_while():
    streams = Streams()
    requests = SharedRequests("single", streams)
    kept = requests.taken()
    with ThreadPoolExecutor(1) as pool:
        with requests.taken() as first:
            second = pool.submit(kept.__enter__)
            assert not second.done()
            streams.go.set()
            assert (first, second.result(10)) == ("single", "stream 2")
        # Another is computed still: no image is alone.
        with requests.taken() as third:
            assert third == "stream 1"
        kept.__exit__(None, None, None)
        with requests.taken() as alone:
            assert alone == "single"
    requests.close()
    assert streams.opened == 1


def test_until_the_streams_are_open_images_take_turns():
    streams = Streams()
    requests = SharedRequests("single", streams)
    inside, most = threading.Semaphore(1), []

    def compute():
        with requests.taken() as request:
            assert inside.acquire(blocking=False)
            most.append(request)
            inside.release()

    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(compute) for _ in range(40)]:
            job.result(10)
    assert most == ["single"] * 40
    streams.go.set()
    requests.close()


def test_streams_that_cannot_be_opened_are_reported_and_work_goes_on(caplog):
    streams = Streams(RuntimeError("refused"))
    requests = SharedRequests("single", streams)
    streams.go.set()
    kept = requests.taken()
    with ThreadPoolExecutor(1) as pool:
        with requests.taken():
            second = pool.submit(kept.__enter__)
        assert second.result(10) == "single"
        kept.__exit__(None, None, None)
    requests.close()
    assert "one at a time" in caplog.text
    assert streams.opened == 1
