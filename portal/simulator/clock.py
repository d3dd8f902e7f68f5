"""The simulator's own time: the machine's clock plus an offset that controls set; below zero, the world began in the past."""

from portal.kit.clock import Clock, SystemClock
from portal.simulator.store import Store

_SETTING = "clock_offset"


class SimulatorClock:
    """Unix seconds as the simulated account sees them. The offset survives restarts."""

    def __init__(self, store: Store, machine: Clock | None = None) -> None:
        self._store = store
        self._machine = machine or SystemClock()

    def now(self) -> int:
        """Simulated seconds since 1970."""
        return int(self.real()) + self.offset

    def real(self) -> float:
        """The machine's seconds since 1970: what deliveries, retries and signatures go by."""
        return self._machine.now().timestamp()

    @property
    def offset(self) -> int:
        """Seconds the simulated account runs ahead of the machine; below zero it is behind."""
        return int(self._store.setting(_SETTING, "0"))

    def set_offset(self, seconds: int) -> None:
        """Run ``seconds`` ahead of the machine from now on."""
        self._store.set_setting(_SETTING, str(seconds))
