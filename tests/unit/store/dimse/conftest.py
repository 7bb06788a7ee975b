"""A receiver on a free port."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kahua.settings import Settings
from kahua.store import Archive
from kahua.store.dimse import Caller, Receiver, Refusal, Route
from kahua.testing.archive import archive_in

MakeReceiver = Callable[..., tuple[Receiver, Archive]]


def route(caller: Caller) -> Route | Refusal:
    """Any called AE title is the project main, but UNKNOWN is none."""
    if caller.called == "UNKNOWN":
        return Refusal(reason="no such project")
    calling = caller.calling
    return Route(project_id="main", dataset=calling.lower().removeprefix("kp-") if calling.startswith("kp-") else None)


@pytest.fixture
def make_receiver(tmp_path: Path) -> Iterator[MakeReceiver]:
    with ExitStack() as stack:

        def make(**settings: object) -> tuple[Receiver, Archive]:
            archive = stack.enter_context(archive_in(tmp_path, **settings))
            receiver = Receiver(Settings(data_dir=tmp_path, dicom_port=0, **settings), archive, route)
            receiver.start()
            stack.callback(receiver.stop)
            return receiver, archive

        yield make


@pytest.fixture
def received(make_receiver: MakeReceiver) -> tuple[Receiver, Archive]:
    return make_receiver()


@pytest.fixture
def address(received: tuple[Receiver, Archive]) -> tuple[str, int]:
    return received[0].address


@pytest.fixture
def archive(received: tuple[Receiver, Archive]) -> Archive:
    return received[1]
