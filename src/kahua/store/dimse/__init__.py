"""DICOM services over TCP: an acceptor of our own for C-STORE, query and retrieve, and a sender."""

from kahua.store.dimse.commitments import Reporter
from kahua.store.dimse.pdu import Rejection
from kahua.store.dimse.receiver import Receiver
from kahua.store.dimse.requestor import Destination
from kahua.store.dimse.routes import Caller, Refusal, Route, Router

__all__ = ["Caller", "Destination", "Receiver", "Refusal", "Rejection", "Reporter", "Route", "Router"]
