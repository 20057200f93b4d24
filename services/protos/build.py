"""Generate `foreshock_protos` from `protos/`: messages, their type stubs and the gRPC classes.

The launcher and the image build run it (`python services/protos/build.py`); its output is not committed.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "protos"
TARGET = Path(__file__).resolve().parent / "src" / "foreshock_protos"

# protoc names Python packages after the proto's folder; the distribution is called foreshock_protos.
IMPORT = re.compile(r"^(from|import) foreshock\.", re.MULTILINE)


def compile_into(folder: Path, sources: Path = SOURCES) -> None:
    """Run protoc over every file below `sources`; exits with protoc's status when it refuses one."""
    files = sorted(str(path.relative_to(sources)) for path in sources.glob("foreshock/**/*.proto"))
    if not files:
        sys.exit(f"no .proto files below {sources}")
    roots = (sources, Path(grpc_tools.__file__).parent / "_proto", Path(sysconfig.get_path("purelib")))
    outputs = ("python", "pyi", "grpc_python")
    arguments = [*(f"-I{root}" for root in roots), *(f"--{kind}_out={folder}" for kind in outputs), *files]
    if status := protoc.main(["protoc", *arguments]):
        sys.exit(status)


def rename_imports(folder: Path) -> None:
    """Point the generated modules at each other by the distribution's own name."""
    for path in [*folder.rglob("*.py"), *folder.rglob("*.pyi")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(IMPORT.sub(r"\1 foreshock_protos.", text), encoding="utf-8")


def add_packages(folder: Path) -> None:
    """Give every folder below `folder` the `__init__` that makes it a package."""
    for path in folder.rglob("*"):
        if path.is_dir():
            (path / "__init__.py").touch()


def replace_areas(made: Path, target: Path) -> None:
    """Swap each area's old output for the new one, and drop areas that no longer exist."""
    marker = target / ".generated"
    marker.unlink(missing_ok=True)
    for old in [path for path in target.iterdir() if path.is_dir()]:
        shutil.rmtree(old)
    for new in made.iterdir():
        shutil.move(new, target / new.name)
    marker.touch()


def main() -> None:
    """Build the stubs beside the target first, so that an interrupted run leaves the old ones."""
    with tempfile.TemporaryDirectory(dir=TARGET.parent) as scratch:
        folder = Path(scratch)
        compile_into(folder)
        rename_imports(folder)
        add_packages(folder / "foreshock")
        replace_areas(folder / "foreshock", TARGET)


if __name__ == "__main__":
    main()
