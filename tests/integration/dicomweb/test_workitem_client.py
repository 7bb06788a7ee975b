"""pydcm, a published library with a UPS-RS client, orders, claims, reports and ends workitems on a site."""

import json
import subprocess
import sys
from typing import Any

import pytest

from kahua.testing.workitems import new_workitem

from .conftest import token_of

pytest.importorskip("pydcm.dicomweb", reason="pydcm is published for Python 3.12 and newer")

#: Calls a function of the library, in a process of its own: meanwhile it lets no other thread run, such as the site's.
CALL = """
import json, sys, pydcm.dicomweb
name, arguments, options = json.load(sys.stdin)
print(json.dumps(getattr(pydcm.dicomweb, name)(*arguments, **options)))
"""

UID, LOCK, WATCHER = "2.25.77", "2.25.99", "WATCHER"
GLOBAL = "1.2.840.10008.5.1.4.34.5"

Json = dict[str, Any]


class Client:
    """The functions of the library, for one site and person."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._options = {"base_path": "/dicom-web/liver", "auth": f"Bearer {token}"}

    def ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        call = json.dumps([name, [self._address, *arguments], {**self._options, **options}])
        done = subprocess.run([sys.executable, "-c", CALL], input=call, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def status(self, name: str, *arguments: Any, **options: Any) -> int:
        status: int = self.ask(name, *arguments, **options)["status"]
        return status


@pytest.fixture
def client(site: Any, address: str) -> Client:
    return Client(address, token_of(site, "manager"))


def state_of(client: Client, uid: str) -> str:
    state: str = client.ask("retrieve_workitem", uid)["00741000"]["Value"][0]
    return state


def test_a_workitem_goes_its_whole_way(client: Client) -> None:
    created = client.ask("create_workitem", new_workitem(), workitem_uid=UID)
    assert (created["status"], created["location"].rpartition("/")[2]) == (201, UID)
    assert client.status("subscribe_workitem", UID, WATCHER) == 201
    assert client.status("change_workitem_state", UID, "IN PROGRESS", LOCK) == 200
    progress = {"00741002": {"vr": "SQ", "Value": [{"00741004": {"vr": "DS", "Value": [50]}}]}}
    assert client.status("update_workitem", UID, progress, LOCK) == 200
    reason = {"00741238": {"vr": "LT", "Value": ["Not needed"]}}
    assert client.status("request_cancel_workitem", UID, reason=reason) == 202
    assert client.status("change_workitem_state", UID, "CANCELED", LOCK) == 200
    assert state_of(client, UID) == "CANCELED"
    assert client.status("unsubscribe_workitem", UID, WATCHER) == 200


def test_workitems_are_found(client: Client) -> None:
    uid = client.ask("create_workitem", new_workitem())["location"].rpartition("/")[2]
    label = new_workitem()["00741204"]["Value"][0]
    found = client.ask("search_workitems", matches={"ProcedureStepLabel": label, "ProcedureStepState": "SCHEDULED"})
    assert [uid] == [each["00080018"]["Value"][0] for each in found]
    assert client.ask("search_workitems", matches={"ProcedureStepLabel": "Nothing"}) == []


def test_all_workitems_are_watched_for_a_while(client: Client) -> None:
    assert client.status("subscribe_workitem", GLOBAL, WATCHER) == 201
    assert client.status("suspend_global_subscription", GLOBAL, WATCHER) == 200
