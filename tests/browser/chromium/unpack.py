"""Unpack the Chromium of the npm package beside this file and write `unpacked/browser`, which starts it."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import brotli

HERE = Path(__file__).resolve().parent
PACKED = HERE / "node_modules" / "@sparticuz" / "chromium" / "bin"

START = """#!/bin/sh
here={here}
export LD_LIBRARY_PATH="$here/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" --no-zygote --headless=shell --disable-gpu --use-gl=angle --use-angle=swiftshader "$@"
"""

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{here}/fonts</dir><cachedir>{here}/fonts-cache</cachedir></fontconfig>
"""


def main() -> None:
    fresh, target = HERE / "unpacking", HERE / "unpacked"
    for leftover in (fresh, target):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    (fresh / "chromium").write_bytes(brotli.decompress((PACKED / "chromium.br").read_bytes()))
    (fresh / "chromium").chmod(0o755)
    for name in ("al2023", "swiftshader", "fonts"):
        body = brotli.decompress((PACKED / f"{name}.tar.br").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            archive.extractall(fresh)  # noqa: S202 - the lock names its digest
    (fresh / "fonts.conf").write_text(FONTS.format(here=target))
    (fresh / "browser").write_text(START.format(here=target))
    (fresh / "browser").chmod(0o755)
    fresh.rename(target)


if __name__ == "__main__":
    main()
