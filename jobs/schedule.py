"""The one timetable. A slot row decides who runs a slot, so two schedulers never run it twice.

Times are UTC. A slot is the start of the interval; after an outage the current slot runs once and older ones are
left out, because every job here looks at rows, not at how often it was called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs import recurring


@dataclass(frozen=True, slots=True)
class Entry:
    """A job, how often it runs, and how far into its interval it starts."""

    name: str
    every: timedelta
    run: Callable[[], str]
    offset: timedelta = timedelta(0)

    def slot(self, now: datetime) -> datetime:
        """Return the slot that holds `now`: the latest multiple of the interval since the epoch, plus the offset."""
        epoch = datetime(2000, 1, 1, tzinfo=UTC) + self.offset
        return epoch + (now - epoch) // self.every * self.every


TIMETABLE = (
    Entry("free periods", timedelta(minutes=1), recurring.roll_free_periods),
    Entry("ended keys", timedelta(minutes=1), recurring.suspend_ended_keys),
    Entry("log partitions", timedelta(hours=6), recurring.prepare_log_partitions),
    Entry("market facts", timedelta(hours=1), recurring.measure_the_market, offset=timedelta(minutes=7)),
    Entry("market listings", timedelta(minutes=1), recurring.tidy_the_market),
    Entry("market words", timedelta(days=1), recurring.count_the_words, offset=timedelta(hours=3)),
    Entry("market wishes", timedelta(days=1), recurring.forget_old_wishes, offset=timedelta(hours=4)),
    Entry("payment reminders", timedelta(hours=1), recurring.remind_of_payments, offset=timedelta(minutes=11)),
    Entry("spending limits", timedelta(minutes=1), recurring.tell_of_spending_limits),
    Entry("kept answers", timedelta(hours=1), recurring.forget_answers_to_repeats, offset=timedelta(minutes=23)),
    Entry("event gaps", timedelta(hours=1), recurring.fill_event_gaps, offset=timedelta(minutes=27)),
    Entry("reconciliation", timedelta(minutes=5), recurring.begin_the_reconciliation, offset=timedelta(minutes=1)),
    Entry("sessions", timedelta(hours=1), recurring.forget_old_sessions, offset=timedelta(minutes=17)),
    Entry("audit trail", timedelta(hours=6), recurring.verify_the_audit_trail, offset=timedelta(minutes=41)),
)
