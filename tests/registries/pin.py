"""Writes FOLDER/requirements.txt from FOLDER/pyproject.toml: every package with its version and its wheels' SHA-256.

usage: pin.py FOLDER, with uv on the PATH (pip install uv)

The wheels are those for CPython 3.11 to 3.13 on Linux with glibc, x86-64 and arm64.
"""

import pathlib
import subprocess
import sys
import tomllib

COMPILE = ["uv", "pip", "compile", "--quiet", "--only-binary", ":all:", "--format", "pylock.toml", "pyproject.toml"]


def locked(folder, version, machine):
    target = ["--python-version", version, "--python-platform", f"{machine}-manylinux_2_28"]
    lock = subprocess.run(COMPILE + target, cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    return tomllib.loads(lock.decode())["packages"]


def main(folder):
    pins = {}
    for version in ["3.11", "3.12", "3.13"]:
        for machine in ["x86_64", "aarch64"]:
            for package in locked(folder, version, machine):
                hashes = pins.setdefault(f"{package['name']}=={package['version']}", set())
                hashes.update(wheel["hashes"]["sha256"] for wheel in package["wheels"])
    lines = ["# Written by pin.py from pyproject.toml."]
    for pin, hashes in sorted(pins.items()):
        lines.append(" \\\n".join([pin, *(f"    --hash=sha256:{hash}" for hash in sorted(hashes))]))
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
