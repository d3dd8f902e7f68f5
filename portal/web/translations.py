"""Translations: written as `translations/<language>/LC_MESSAGES/messages.po`, compiled when a process starts.

Compiled catalogues are not in the repository; the first process after a change makes them, in one step each, so that
processes starting together never read half a file. Where the folder cannot be written (an image that was built
complete) the catalogues compiled at build time are used.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

log = structlog.get_logger(__name__)


def compile_catalogues(folder: Path) -> list[str]:
    """Compile every catalogue whose source is newer; return their languages."""
    done = []
    for source in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        fresh = compiled.with_suffix(f".mo.{os.getpid()}")
        try:
            with source.open("rb") as words, fresh.open("wb") as out:
                write_mo(out, read_po(words, locale=source.parts[-3]))
            fresh.replace(compiled)
        except OSError as problem:
            log.warning("translations not compiled", source=str(source), error=repr(problem))
            continue
        done.append(source.parts[-3])
    return done
