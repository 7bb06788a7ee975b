"""The process that receives DICOM over the network (C-STORE, C-ECHO)."""

import threading

from kahua.cli.service import say_ready
from kahua.settings import Settings
from kahua.site import build_site


def receive(settings: Settings, stop: threading.Event) -> None:
    """Receive until asked to stop."""
    site = build_site(settings)
    site.placed.watch()
    receiver = site.receiver()
    receiver.start()
    host, port = receiver.address
    say_ready(settings, "receive", host=host, port=port)
    stop.wait()
    receiver.stop()
    site.close()
