"""What the machine can do is read from it: precisions, memory, and the batches that fit."""

import platform

import numpy as np
import pytest
from openvino import Core

from cutout.errors import DeviceUnavailable
from cutout.runtimes import factory, hardware
from cutout.runtimes.cuda import pad_to_bucket, reason_of
from cutout.runtimes.openvino_cpu import CAPABILITY, require_native_precision


@pytest.mark.parametrize("precision", CAPABILITY)
def test_a_precision_is_refused_exactly_where_the_processor_lacks_it(precision):
    core = Core()
    if CAPABILITY[precision] in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        require_native_precision(core, precision)
    else:
        with pytest.raises(DeviceUnavailable, match=precision):
            require_native_precision(core, precision)


def test_an_engine_error_is_reported_without_its_paths():
    error = RuntimeError(
        "[ONNXRuntimeError] : 1 : FAIL : cannot open /opt/lib/libx.so: no file.\nat"
    )
    assert reason_of(error) == "cannot open (a file) no file."


@pytest.mark.parametrize("count, bucket", [(1, 1), (3, 4), (5, 8), (8, 8), (9, 12), (12, 12)])
def test_batches_are_padded_to_the_next_bucket(count, bucket):
    chunk = np.ones((count, 3, 2, 2), np.float32)
    filled = pad_to_bucket(chunk)
    assert filled.shape == (bucket, 3, 2, 2)
    assert filled.sum() == chunk.sum()


def test_free_memory_is_the_smaller_of_machine_and_container(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 2000 kB\nMemAvailable: 1000 kB\n")
    assert hardware.host_free_bytes(meminfo, tmp_path) == 1_024_000
    (tmp_path / "memory.max").write_text("500000\n")
    (tmp_path / "memory.current").write_text("100000\n")
    assert hardware.host_free_bytes(meminfo, tmp_path) == 400_000
    assert hardware.host_free_bytes(tmp_path / "none", tmp_path) is None


@pytest.mark.parametrize(
    "free, size, batch",
    [(None, 320, 12), (2_000_000_000, 320, 5), (2_000_000_000, 640, 1), (10, 320, 1)],
)
def test_a_batch_fits_into_memory_and_is_never_empty(free, size, batch):
    assert hardware.limit_batch(12, free, size) == batch


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "processor : 0\nmodel name\t: AMD EPYC 7B13\nflags\t\t: fpu avx avx2 sha_ni\n",
            ("AMD EPYC 7B13", ("AVX2",)),
        ),
        (
            "model name : Xeon\nflags : avx2 avx512f avx_vnni avx512_vnni avx512_bf16 amx_int8\n",
            ("Xeon", ("AVX2", "AVX-512", "AVX-VNNI", "AVX512-VNNI", "AVX512-BF16", "AMX-INT8")),
        ),
        (
            "processor : 0\nFeatures : fp asimd asimddp i8mm bf16\n",
            (None, ("NEON", "DotProd", "I8MM", "BF16")),
        ),
        ("model name : old\nflags : sse2\n", ("old", ())),
    ],
)
def test_a_processors_abilities_are_named(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    found = hardware.processor(tmp_path / "cpuinfo")
    name, abilities = expected
    assert found.abilities == abilities
    assert found.name == (name or platform.machine())
    assert all(word in str(found) for word in abilities or ("no AVX2",))


def test_a_system_that_hides_the_abilities_is_not_guessed_at(tmp_path):
    found = hardware.processor(tmp_path / "missing")
    assert found.abilities is None
    assert "unknown" in str(found)


def test_health_and_the_log_name_the_processor(client, caplog):
    expected = hardware.processor()
    state = client.get("/health").json["processor"]
    assert state == {"name": expected.name, "abilities": list(expected.abilities or ())}
    factory.log_processor.cache_clear()
    with caplog.at_level("INFO", logger="cutout"):
        factory.log_processor()
        factory.log_processor()
    assert caplog.messages == [f"processor: {expected}"]
