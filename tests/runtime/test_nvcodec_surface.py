"""What we call of PyNvVideoCodec is there by that name: asked of the real package, without a GPU.

Its module wants NVIDIA's driver when it is loaded, and calls nothing of it: a library with the
driver's names, and nothing behind them, is enough to read its signatures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import nvcodec

_READ = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("_PyNvVideoCodec", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
def members(kind):
    return sorted(getattr(kind, "__members__", None) or vars(kind))
print(json.dumps({
    "create": module.CreateDecoder.__doc__,
    "dlpack": module.DecodedFrame.__dlpack__.__doc__,
    **{name: members(getattr(module, name)) for name in (
        "cudaVideoCodec", "DisplayDecodeLatencyType", "PacketData", "DecodedFrame", "PyNvDecoder",
        "PyNvEncoder", "NV_ENC_PIC_FLAGS", "structEncodeReconfigureParams")},
}))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["121", "130"])
def surface(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str] | str]:
    spec = find_spec("PyNvVideoCodec")  # does not import it
    if spec is None or spec.origin is None:
        pytest.skip("PyNvVideoCodec is not installed: pip install 'stereocast[nvcodec]'")
    compiler, reader = shutil.which("cc"), shutil.which("nm")
    if compiler is None or reader is None:
        pytest.skip("needs a C compiler and nm")
    (module,) = Path(spec.origin).parent.glob(f"PyNvVideoCodec_{request.param}.*.so")
    folder = tmp_path_factory.mktemp("driver")
    told = subprocess.run(
        [reader, "-D", "--undefined-only", module], check=True, capture_output=True, text=True
    ).stdout
    names = {line.split()[-1] for line in told.splitlines()}
    calls = [name for name in names if name[:2] == "cu" and name[2:3].isupper()]
    code = folder / "cuda.c"
    code.write_text("".join(f"int {name}(void) {{ return 100; }}\n" for name in calls))
    library = folder / "libcuda.so.1"
    shared = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"]
    subprocess.run([compiler, *shared, "-o", library, code], check=True)
    run = subprocess.run(
        [sys.executable, "-c", _READ, module],
        env=os.environ | {"LD_LIBRARY_PATH": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, list[str] | str] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("cudaVideoCodec", {"H264", "HEVC", "AV1", "VP9"}),
        ("DisplayDecodeLatencyType", {"NATIVE", "LOW"}),
        ("PacketData", {"bsl", "bsl_data", "pts"}),
        ("DecodedFrame", {"getPTS", "__dlpack__", "__dlpack_device__"}),
        ("PyNvDecoder", {"Decode"}),
        ("PyNvEncoder", {"Encode", "GetSequenceParams", "GetEncodeReconfigureParams",
                         "Reconfigure"}),
        ("NV_ENC_PIC_FLAGS", {"FORCEIDR"}),
        ("structEncodeReconfigureParams",
         {"averageBitrate", "maxBitRate", "vbvBufferSize", "vbvInitialDelay"}),
    ],
)  # fmt: skip
def test_every_name_that_is_called_is_there(
    surface: dict[str, list[str] | str], kind: str, names: set[str]
) -> None:
    assert names <= set(surface[kind])


def test_a_session_takes_what_it_is_told(surface: dict[str, list[str] | str]) -> None:
    for word in ("gpuid", "codec", "usedevicememory", "latency"):
        assert f"{word}:" in surface["create"]
    assert "stream: object" in surface["dlpack"]


def test_the_stand_in_has_no_call_that_the_package_lacks(
    surface: dict[str, list[str] | str],
) -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(nvcodec.Surface) <= set(surface["DecodedFrame"])
    assert public(nvcodec.Session) <= set(surface["PyNvDecoder"])
    assert public(nvcodec.PacketData) <= set(surface["PacketData"])
