"""The process that does what is to be done: events, previews, runs."""

import threading
import time

from kahua.cli.background import Background
from kahua.cli.engine_turn import EngineTurn
from kahua.cli.service import say_ready
from kahua.events import Lane
from kahua.logs import get_logger
from kahua.settings import Settings
from kahua.site import Site, build_site
from kahua.store.workitems.reports import tell_of_restart

#: Pause between two looks into an empty outbox.
POLL_SECONDS = 0.2

#: Threads that deliver to consumers who take long: one hostile series holds up one of them.
SLOW_THREADS = 2

#: Pause between two rounds of tidying up.
TIDY_SECONDS = 600.0

#: Pause between two looks for reports of storage commitment that are due.
REPORT_SECONDS = 5.0

#: How long a call to a peer may go on when the worker ends.
CALL_SECONDS = 5.0

log = get_logger()


def work(settings: Settings, stop: threading.Event) -> None:
    """Deliver events and run tasks until asked to stop; tasks that run go on without the worker."""
    site = build_site(settings)
    site.placed.watch()
    site.objects.check()  # here, not before the parts are forked: the threads of an S3 client do not live on in a child
    quick, slow = site.courier(Lane.QUICK), site.courier(Lane.SLOW)
    reports = threading.Thread(target=_report, args=(site, stop), name="commitments", daemon=True)
    reports.start()
    turn = EngineTurn(site)
    turn.look()
    beside = [
        Background("pulls", site.puller().step),
        Background("deliveries", site.deliverer().step),
        Background("workitems", site.performer().step),
        *(Background(f"slow events {number}", slow.step, pause=POLL_SECONDS) for number in range(SLOW_THREADS)),
    ]
    for each in beside:
        each.start()
    with site.database.write() as session:
        tell_of_restart(session)
    say_ready(settings, "work")
    tidy_at = 0.0
    while not stop.is_set():
        turn.look()
        if time.monotonic() >= tidy_at:
            site.tidy()
            tidy_at = time.monotonic() + TIDY_SECONDS
        if not quick.step():
            stop.wait(POLL_SECONDS)
    for each in beside:
        each.ask_to_stop()
    site.stop_children()
    for each in beside:
        each.stop(seconds=CALL_SECONDS)
    turn.stop()
    reports.join(CALL_SECONDS)
    site.close()


def _report(site: Site, stop: threading.Event) -> None:
    """Deliver reports of storage commitment, in a thread of its own: peers may be slow."""
    reporter = site.reporter()
    while not stop.wait(REPORT_SECONDS):
        try:
            reporter.report_due()
        except Exception:  # the outermost edge of the thread: it tries again
            log.exception("reports not delivered")
