"""The committed stubs are what protoc makes of the committed .proto files."""

from pathlib import Path

import grpc_tools
from grpc_tools import protoc

from tests.house.tree import ROOT, name

STUBS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")
KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(target: Path) -> None:
    """As `make proto` does, into another folder."""
    sources = [name(path) for path in sorted((ROOT / "proto/sync/v1").glob("*.proto"))]
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    # A plain call parses paths relative to -I, so no working directory is needed.
    assert (
        protoc.main(["protoc", f"-I{ROOT}", f"-I{KNOWN}", *outputs, *(str(ROOT / source) for source in sources)]) == 0
    )


def stubs(folder: Path) -> dict[str, str]:
    """Generated files by name."""
    return {
        path.name: path.read_text("utf-8") for pattern in STUBS for path in (folder / "proto/sync/v1").glob(pattern)
    }


def test_committed_stubs_equal_freshly_generated_ones(tmp_path: Path):
    generate(tmp_path)
    fresh = stubs(tmp_path)
    assert len(fresh) == len(STUBS) * len(list((ROOT / "proto/sync/v1").glob("*.proto")))
    assert stubs(ROOT) == fresh, "run `make proto` and commit what it writes"
