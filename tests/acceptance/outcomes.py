"""What becomes of files that come in by each door: how many are stored or refused, in which words, what comes back."""

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet

from kahua.dicom import read_file_meta
from kahua.dicom.file_meta import FileMeta
from kahua.errors import KahuaError

from .peers import associate, store_bytes
from .running import Client, RunningSite

#: Doors by which files come in, and the letter with which the names of their projects end.
DOORS = {"C-STORE": "c", "STOW-RS": "s", "import": "i"}

#: Whose pictures and badges are waited for: the site looks first at what came in first, so this door is the first.
LOOKED_AT = "STOW-RS"

#: AE title of who fetches back by C-GET.
READER = "READER"

STORED = "stored"


@dataclass(frozen=True)
class File:
    """A file of the test data."""

    content: bytes

    @cached_property
    def meta(self) -> FileMeta | None:
        """Its File Meta Information; None if none can be read."""
        try:
            return read_file_meta(io.BytesIO(self.content))
        except KahuaError:
            return None

    @property
    def uid(self) -> str:
        """SOP Instance UID; empty if the File Meta Information does not tell."""
        return self.meta.media_sop_instance_uid if self.meta else ""

    @property
    def data_set(self) -> bytes:
        """What follows the File Meta Information."""
        return self.content[self.meta.data_offset :] if self.meta else b""

    @property
    def context(self) -> tuple[str, str] | None:
        """SOP class and transfer syntax as a sender proposes them; None where it could not tell them."""
        return (self.meta.media_sop_class_uid, self.meta.transfer_syntax_uid) if self.meta and self.uid else None


@dataclass
class Group:
    """Files below a place, which come into a project of their own by each door."""

    name: str
    number: int
    place: Path
    #: How many of which outcome, by door.
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    #: What was said about them.
    findings: set[str] = field(default_factory=set)

    @cached_property
    def files(self) -> list[File]:
        paths = sorted(self.place.rglob("*")) if self.place.is_dir() else [self.place]
        return [File(path.read_bytes()) for path in paths if path.is_file()]

    def project(self, door: str) -> str:
        """Name of the project into which a door leads."""
        return f"o{self.number}{DOORS[door]}"

    def send(self, door: str, site: RunningSite, client: Client) -> None:
        """Bring the files in by a door."""
        assert client.http.post("/api/projects", json={"name": self.project(door)}).status_code == 201
        match door:
            case "C-STORE":
                told = self._by_dimse(site)
            case "STOW-RS":
                told = self._by_stow(client)
            case _:
                told = self._by_import(site, client)
        self.outcomes[door] = Counter(told)

    def _by_dimse(self, site: RunningSite) -> Iterator[str]:
        by_context = defaultdict(list)
        for file in self.files:
            by_context[file.context].append(file)
        for context, files in by_context.items():
            if context is None:
                yield from ["not for a sender"] * len(files)
                continue
            association = associate(site, context[0], syntax=context[1], called=f"kp-{self.project('C-STORE')}")
            assert association.is_established, context
            for file in files:
                status = store_bytes(association, context[0], file.uid, file.data_set)
                assert status is not None, context
                yield STORED if status == 0 else f"refused ({status:04X})"
            association.release()

    def _by_stow(self, client: Client) -> Iterator[str]:
        kind = 'multipart/related; type="application/dicom"; boundary=b0undary'
        for file in self.files:
            body = b"--b0undary\r\nContent-Type: application/dicom\r\n\r\n" + file.content + b"\r\n--b0undary--\r\n"
            address = f"/dicom-web/{self.project('STOW-RS')}/studies"
            answer = client.http.post(address, content=body, headers={"Content-Type": kind})
            assert answer.status_code in (200, 409), answer.text
            failed = answer.json().get("00081198", {}).get("Value", [])
            yield f"refused ({failed[0]['00081197']['Value'][0]:04X})" if failed else STORED

    def _by_import(self, site: RunningSite, client: Client) -> Iterator[str]:
        mine = client.of_project(self.project("import"))
        if self.place.is_dir():
            said = json.loads(site.kahua("import", self.place, "--json", "--project", mine.project).stdout)
        else:
            answer = mine.upload(self.place.name, self.files[0].content)
            if answer.status_code == 400:
                self.findings.add(answer.json()["detail"])
                yield "refused"
                return
            said = answer.json()
        self.findings |= {refusal["reason"] for refusal in said["refused"]}
        yield from [STORED] * (said["accepted"] + said["duplicates"])
        yield from ["passed over"] * said["skipped"]
        yield from ["refused"] * len(said["refused"])

    def data_sets(self) -> set[bytes]:
        """Give the data sets of the files."""
        return {file.data_set for file in self.files}


def instances(client: Client, project: str) -> list[dict[str, Any]]:
    """List the instances of a project by QIDO-RS."""
    found: list[dict[str, Any]] = client.http.get(f"/dicom-web/{project}/instances", params={"limit": 1000}).json()
    return found


def value(row: dict[str, Any], tag: str) -> str:
    """Give the value of an attribute in an answer."""
    return str(row[tag]["Value"][0])


def address_of(project: str, row: dict[str, Any]) -> str:
    """Address of an instance that was found."""
    study, series, uid = value(row, "0020000D"), value(row, "0020000E"), value(row, "00080018")
    return f"/dicom-web/{project}/studies/{study}/series/{series}/instances/{uid}"


def data_set_by_wado(client: Client, address: str) -> bytes:
    """Fetch an instance as it is stored; give what follows the File Meta Information."""
    answer = client.http.get(address, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert answer.status_code == 200, answer.text
    return File(answer.content).data_set


def data_sets_by_get(site: RunningSite, group: Group, studies: set[str]) -> dict[str, bytes]:
    """Fetch studies by C-GET, each instance in the syntax in which it is stored; give the data sets by UID."""
    got: dict[str, bytes] = {}

    def keep(event: evt.Event) -> int:
        got[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return 0

    contexts = sorted({file.context for file in group.files if file.context})
    entity = AE(ae_title=READER)
    entity.requested_contexts = [
        build_context(StudyRootQueryRetrieveInformationModelGet),
        *(build_context(sop_class, syntax) for sop_class, syntax in contexts),
    ]
    association = entity.associate(
        "127.0.0.1",
        site.dicom_port,
        ae_title=f"kp-{group.project('C-STORE')}",
        ext_neg=[build_role(sop_class, scp_role=True) for sop_class in {sop_class for sop_class, _ in contexts}],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    assert association.is_established
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", sorted(studies)
    *_, (status, _) = association.send_c_get(wanted, StudyRootQueryRetrieveInformationModelGet)
    association.release()
    assert status.Status == 0, status
    return got
