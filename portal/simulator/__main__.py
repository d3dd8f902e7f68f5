"""``python -m portal.simulator``: start the server and run until told to stop."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web

from portal.simulator import API_VERSION
from portal.simulator.engine import Configuration, Simulator
from portal.simulator.server import make_runner


def main(arguments: list[str] | None = None) -> int:
    """Read the flags and serve. Exit code 0 after TERM or Ctrl-C, 1 when the port is taken."""
    flags = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    public_url = flags.public_url or f"http://127.0.0.1:{flags.port}"
    configuration = Configuration(public_url, flags.state, flags.secret_key, flags.webhook_url, flags.webhook_secret)
    try:
        asyncio.run(_serve(configuration, flags.host, flags.port))
    except OSError as error:
        print(f"The simulator cannot listen on {flags.host}:{flags.port}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("portal.simulator", description="A Stripe-compatible server. No real money.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--state", type=Path, help="directory that keeps everything; without it, memory only")
    parser.add_argument("--public-url", help="how browsers reach this server (default http://127.0.0.1:PORT)")
    parser.add_argument("--secret-key", help="the one accepted API key (default: any sk_test_ key)")
    parser.add_argument("--webhook-url", help="an endpoint that receives every event from the start")
    parser.add_argument("--webhook-secret", help="its signing secret")
    return parser


async def _serve(configuration: Configuration, host: str, port: int) -> None:
    runner = make_runner(Simulator(configuration))
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        print(f"Stripe simulator ({API_VERSION}) on {configuration.public_url}", flush=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
