"""`python -m portal.upstreams --port 8090`: serve the demo upstreams."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import uvloop
from aiohttp import web

from portal.upstreams.server import make_app


def main() -> int:
    """Serve until told to stop; 2 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m portal.upstreams")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("UPSTREAMS_PORT", "8090")))
    given = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        web.run_app(
            make_app(), host=given.host, port=given.port, access_log=None, shutdown_timeout=2.0,
            print=lambda *_: print(f"upstreams ready: http://{given.host}:{given.port}", flush=True),
        )  # fmt: skip
    except OSError as problem:
        print(f"upstreams: cannot listen: {problem.strerror or problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
