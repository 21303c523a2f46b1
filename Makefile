# run: serve; CPU=1 at the first time installs less, without GPU. test: lint and the whole suite; CI
# calls it and nothing else. bench: figures.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 5000
BIN := $(VENV)/bin
CPU_TORCH ?= torch==2.13.0+cpu
FLEET := .venv-fleet
TRITON := .venv-triton
# Not imported under Windows, where waitress serves.
GUNICORN_ONLY := cutout/server/(bodies|client_socket|connection|gunicorn_conf|lanes|refusals|worker)

.PHONY: attack run test test-clients test-page test-platforms test-fleet test-train chromium torch lint format bench prove-image clean

run: $(VENV)/.run-ready
	@CUTOUT_PORT=$(PORT) $(BIN)/python app.py

test: lint chromium torch $(VENV)/.clients-ready
	$(BIN)/python -m cutout weights fetch u2net
	$(BIN)/python -m cutout weights fetch u2netp
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The real clients of remove.bg: packages of npm and PyPI, and PHP and Ruby where they are installed.
test-clients: $(VENV)/.clients-ready
	$(BIN)/python -m pytest tests/test_removebg_clients.py tests/test_removebg_migrate.py

test-page: chromium $(VENV)/.test-ready
	$(BIN)/python -m pytest tests/test_web.py tests/browser

# The browser of the page's tests; where it cannot be installed they skip and say so.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update && apt-get install -y --no-install-recommends chromium; } || echo "no chromium: browser tests are skipped"

# PyTorch without CUDA (190 MB) for the tests of training, where an index has it; its own has:
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu. Elsewhere those tests skip and say so.
torch: $(VENV)/.test-ready
	@$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --disable-pip-version-check -c requirements.txt '$(CPU_TORCH)' || echo "no $(CPU_TORCH): tests of training are skipped; make test-train installs PyTorch"

# The tests of training, with whatever PyTorch requirements-train.txt gives here.
test-train: $(VENV)/.test-ready
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-train.txt
	$(BIN)/python -m cutout weights fetch u2net
	$(BIN)/python -m cutout weights fetch u2netp
	$(BIN)/python -m pytest tests/training

# Clusters of Ray and a Triton server, each with an environment of its own; some minutes.
test-fleet: $(FLEET)/.ready $(TRITON)/.ready
	TRITON_ENV=$(abspath $(TRITON)) $(FLEET)/bin/python -m pytest -m fleet tests/test_bulk_ray.py tests/test_runtimes_triton.py

# Wheels for every platform and Python; asks the package registry for some minutes.
test-platforms: $(VENV)/.test-ready
	$(BIN)/python -m pytest -m platforms tests/test_platforms.py

# The long forms of tests/attack: about half an hour, loopback only.
attack: $(VENV)/.test-ready
	$(BIN)/python -m pytest -m "attack or not attack" tests/attack

lint: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/windows --exclude '$(GUNICORN_ONLY)'

format: $(VENV)/.test-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test-ready
	$(BIN)/python -m benchmarks

# Builds and runs deploy/Dockerfile without Docker: as root on Debian, with buildah, debootstrap.
prove-image: $(VENV)/.run-ready
	$(BIN)/python deploy/prove_image.py

clean:
	rm -rf $(VENV) $(FLEET) $(TRITON) .pytest_cache .ruff_cache .mypy_cache .hypothesis

# Touched only after a complete installation, so an interrupted one starts over.
$(VENV)/.run-ready: requirements.txt requirements-cpu.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
ifdef CPU
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements-cpu.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps -c requirements.txt rembg
else
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements.txt
endif
	@touch $@

$(VENV)/.test-ready: $(VENV)/.run-ready requirements-dev.txt requirements-evaluate.txt
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Where there is no npm, tests of its packages skip and say so.
$(VENV)/.clients-ready: $(VENV)/.test-ready tests/clients/package.json tests/clients/requirements.txt
	if command -v npm >/dev/null; then cd tests/clients && npm ci --ignore-scripts --no-fund --no-audit; fi
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --upgrade --target tests/clients/python -r tests/clients/requirements.txt
	@touch $@

$(FLEET)/.ready: requirements.txt requirements-dev.txt requirements-bulk.txt requirements-triton.txt
	$(PYTHON) -m venv $(FLEET)
	$(FLEET)/bin/python -m pip install -r requirements.txt -r requirements-dev.txt -r requirements-bulk.txt -r requirements-triton.txt
	@touch $@

# Its Python backend is built for Debian's own Python 3.11.
$(TRITON)/.ready:
	/usr/bin/python3.11 -m venv $(TRITON)
	$(TRITON)/bin/python -m pip install nvidia-pytriton==0.7.0 onnxruntime==1.24.4
	@touch $@
