"""The process that does what is to be done: events, previews, runs."""

import threading
import time

from kahua.cli.engine_turn import EngineTurn
from kahua.cli.service import say_ready
from kahua.database import deliver_events
from kahua.settings import Settings
from kahua.site import build_site

#: Pause between two looks into an empty outbox.
POLL_SECONDS = 0.2

#: Pause between two rounds of tidying up.
TIDY_SECONDS = 600.0


def work(settings: Settings, stop: threading.Event) -> None:
    """Deliver events and run tasks until asked to stop; tasks that run go on without the worker."""
    site = build_site(settings)
    subscriptions = site.subscriptions()
    turn = EngineTurn(site)
    turn.look()
    say_ready(settings, "work")
    tidy_at = 0.0
    while not stop.is_set():
        turn.look()
        if time.monotonic() >= tidy_at:
            site.tidy()
            tidy_at = time.monotonic() + TIDY_SECONDS
        if not deliver_events(site.database, subscriptions):
            stop.wait(POLL_SECONDS)
    turn.stop()
    site.close()
