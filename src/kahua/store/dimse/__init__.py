"""The DICOM receiver: C-STORE and C-ECHO over an acceptor of our own."""

from kahua.store.dimse.pdu import Rejection
from kahua.store.dimse.receiver import Receiver
from kahua.store.dimse.routes import Refusal, Route, Router

__all__ = ["Receiver", "Refusal", "Rejection", "Route", "Router"]
