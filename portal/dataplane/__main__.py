"""`python -m portal.dataplane`: run the gateway."""

from __future__ import annotations

import logging
import sys

import structlog
import uvloop

from portal.dataplane.config import ConfigError, read_config
from portal.dataplane.server import Gateway
from portal.dataplane.spool import StateInUse


async def _serve(arguments: list[str]) -> None:
    await Gateway(read_config(arguments)).run()


def main() -> int:
    """Serve until told to stop; 2 when the configuration is wrong or the port is taken."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        uvloop.run(_serve(sys.argv[1:]))
    except (ConfigError, StateInUse) as problem:
        print(f"gateway: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"gateway: cannot listen: {problem.strerror or problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
