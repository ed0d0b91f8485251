"""What is built is what users get."""

import json
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SOURCES = CHECKOUT / "provider"


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """Code, data, templates and markers: nothing of the checkout is left out of the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("pulumi_groq-*.whl")
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    in_checkout = {
        file.relative_to(SOURCES).as_posix()
        for file in (SOURCES / "pulumi_groq").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert in_wheel == in_checkout


def test_type_checkers_are_told_that_the_package_is_typed() -> None:
    """`py.typed` is beside the modules (PEP 561)."""
    assert (files("pulumi_groq") / "py.typed").is_file()


def test_language_hosts_are_told_that_there_is_no_plugin() -> None:
    """Pulumi's Python language host looks where packages are installed, for a checkout as for a wheel."""
    installed = Path(str(distribution("pulumi-groq").locate_file("pulumi_groq")))
    told = json.loads((installed / "pulumi-plugin.json").read_text(encoding="utf-8"))
    assert told == {"resource": False}
