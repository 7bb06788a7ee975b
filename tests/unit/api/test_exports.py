"""Taking images out over HTTP: on a real site with real objects, and what is left behind."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import psutil
import pytest
from fastapi import FastAPI
from pydicom import Dataset, dcmread
from sqlalchemy import select

from kahua.access import entries, find_project
from kahua.datasets import begin_export, change_series, create_dataset
from kahua.dicom import Profile
from kahua.site import Site
from kahua.store import InstanceRow, Origin, SeriesRow, remove_series
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import browser

pytestmark = pytest.mark.elsewhere

EXPORTS = "/api/projects/liver/exports"
ORIGIN = Origin(door="upload", sender="test")

Store = Callable[..., str]


@pytest.fixture
def store(site: Site, tmp_path: Path) -> Store:
    """Bring a series into a project and give its id."""

    def bring(instances: list[Dataset], project: str = "liver") -> str:
        with site.database.read() as session:
            identity = find_project(session, project).id
        for instance in instances:
            path = tmp_path / "incoming"
            path.write_bytes(part10(instance))
            accepted = site.archive.store_file(identity, path, ORIGIN)
        return str(accepted.series_id)

    return bring


@pytest.fixture
def head(store: Store) -> str:
    return store(ct_series(slices=3, patient_id="PAT-778899", patient_name="Quillfeather^Ottoline"))


def unpack(content: bytes) -> tuple[dict[str, bytes], dict]:
    """Files of an archive, whose checksums must be right, and its manifest."""
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    listed = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return files, manifest


def left_behind(site: Site) -> list[Path]:
    return list(site.archive.staging.folder.iterdir())


def test_series_come_out_as_they_are_stored(application: FastAPI, site: Site, head: str) -> None:
    answer = browser(application, "curator").get(EXPORTS, params={"series": head, "deidentify": "false"})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith('attachment; filename="liver-')
    files, manifest = unpack(answer.content)
    with site.database.read() as session:
        rows = session.scalars(select(InstanceRow).order_by(InstanceRow.instance_number)).all()
        stored = [site.objects.read(row.object_key) for row in rows]
    assert sorted(files) == [f"patient-0001/series-0001/{number:06}.dcm" for number in (1, 2, 3)]
    assert [files[name] for name in sorted(files)] == stored
    assert manifest["exported_by"] == "curator"
    assert manifest["deidentified"] is False
    assert manifest["totals"]["instances"] == 3


@pytest.mark.parametrize("deidentify", ["true", "false"])
def test_large_instances_come_out_whole(application: FastAPI, store: Store, deidentify: str) -> None:
    series = ct_series(slices=3, rows=1024, columns=1024, seed="large")
    wanted = {"series": store(series), "deidentify": deidentify}
    files, _ = unpack(browser(application, "curator").get(EXPORTS, params=wanted).content)
    assert [dcmread(io.BytesIO(data)).PixelData for _, data in sorted(files.items())] == [
        instance.PixelData for instance in series
    ]


def test_deidentified_series_name_nobody(application: FastAPI, site: Site, head: str) -> None:
    answer = browser(application, "curator").get(EXPORTS, params={"series": head})
    assert b"Quillfeather" not in answer.content
    assert b"PAT-778899" not in answer.content
    files, manifest = unpack(answer.content)
    objects = [dcmread(io.BytesIO(data)) for data in files.values()]
    assert len({instance.PatientID for instance in objects}) == 1
    assert {instance.SeriesInstanceUID for instance in objects} == {manifest["series"][0]["series_uid"]}
    assert {instance.PatientIdentityRemoved for instance in objects} == {"YES"}
    assert {"attribute": "(0010,0010) PatientName", "action": "pseudonym", "count": 3} in manifest["changes"]
    assert left_behind(site) == []


def test_two_exports_of_a_series_are_the_same(application: FastAPI, head: str) -> None:
    client = browser(application, "curator")
    first, second = (unpack(client.get(EXPORTS, params={"series": head}).content)[0] for _ in range(2))
    assert first == second


def test_projects_have_pseudonyms_of_their_own(application: FastAPI, store: Store) -> None:
    images = ct_series(slices=1)
    here, there = store(images), store(images, "brain")
    one, _ = unpack(browser(application, "ada").get(EXPORTS, params={"series": here}).content)
    other, _ = unpack(browser(application, "ada").get("/api/projects/brain/exports", params={"series": there}).content)
    ids = {dcmread(io.BytesIO(data)).PatientID for files in (one, other) for data in files.values()}
    assert len(ids) == 2


def test_patients_have_folders_by_number(application: FastAPI, store: Store) -> None:
    chosen = [
        store(ct_series(slices=1, seed="a", patient_id="../../etc/passwd")),
        store(ct_series(slices=1, seed="b", patient_id="OTHER")),
        store(ct_series(slices=1, seed="c", patient_id="../../etc/passwd")),
    ]
    files, manifest = unpack(browser(application, "curator").get(EXPORTS, params={"series": chosen}).content)
    assert sorted(files) == [
        "patient-0001/series-0001/000001.dcm",
        "patient-0001/series-0002/000001.dcm",
        "patient-0002/series-0001/000001.dcm",
    ]
    assert manifest["totals"] | {"bytes": 0} == {
        "patients": 2,
        "series": 3,
        "instances": 3,
        "bytes": 0,
        "left_out": 0,
        "series_deleted_meanwhile": 0,
    }


def test_dataset_comes_out_in_an_earlier_version(application: FastAPI, site: Site, store: Store, head: str) -> None:
    other = store(ct_series(slices=1, seed="other"))
    with site.database.write() as session:
        project = find_project(session, "liver").id
        create_dataset(session, project_id=project, actor="test", name="mine", series=[head])
        change_series(session, project_id=project, actor="test", name="mine", add=[other])
    client = browser(application, "curator")
    _, old = unpack(client.get(EXPORTS, params={"dataset": "mine", "version": 1}).content)
    _, new = unpack(client.get(EXPORTS, params={"dataset": "mine"}).content)
    assert (old["totals"]["series"], old["dataset_version"]) == (1, 1)
    assert (new["totals"]["series"], new["dataset_version"]) == (2, 2)


def test_suspicious_pixels_stay_unless_asked_for(application: FastAPI, store: Store) -> None:
    scan = store(ct_series(slices=2, Modality="US"))
    client = browser(application, "curator")
    files, manifest = unpack(client.get(EXPORTS, params={"series": scan}).content)
    assert files == {}
    assert sum(manifest["series"][0]["left_out"].values()) == 2
    files, manifest = unpack(client.get(EXPORTS, params={"series": scan, "suspicious_pixels": "true"}).content)
    assert len(files) == 2
    assert sum(manifest["series"][0]["warnings"].values()) == 2


def test_export_follows_the_project_unless_it_chooses(application: FastAPI, store: Store) -> None:
    scan = store(ct_series(slices=1, Modality="US", PatientSex="F", StudyDate="20240229"))
    settings = {"on_arrival": False, "keep": ["characteristics"], "suspicious_pixels": "flag"}
    client = browser(application, "manager")
    assert client.put("/api/projects/liver/confidentiality", json=settings).status_code == 200
    (usual,) = unpack(client.get(EXPORTS, params={"series": scan}).content)[0].values()
    (chosen,) = unpack(client.get(EXPORTS, params={"series": scan, "keep": "nothing", "dates": "remove"}).content)[
        0
    ].values()
    assert dcmread(io.BytesIO(usual)).PatientSex == "F"
    assert not dcmread(io.BytesIO(chosen)).PatientSex
    assert dcmread(io.BytesIO(usual)).LongitudinalTemporalInformationModified == "MODIFIED"
    assert dcmread(io.BytesIO(chosen)).LongitudinalTemporalInformationModified == "REMOVED"
    assert unpack(client.get(EXPORTS, params={"series": scan, "suspicious_pixels": "false"}).content)[0] == {}


def test_series_of_another_project_is_not_there(application: FastAPI, store: Store, head: str) -> None:
    foreign = store(ct_series(slices=1, seed="foreign"), "brain")
    client = browser(application, "curator")
    answers = [client.get(EXPORTS, params={"series": [head, wanted]}) for wanted in (foreign, "nosuch")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


def test_viewer_takes_nothing_out(application: FastAPI, head: str) -> None:
    assert browser(application, "viewer").get(EXPORTS, params={"series": head}).status_code == 403


@pytest.mark.parametrize("query", [{}, {"series": "x", "dataset": "y"}, {"series": "x", "dates": "invent"}, {"q": "x"}])
def test_unclear_wishes_are_refused(application: FastAPI, query: dict[str, str]) -> None:
    assert browser(application, "curator").get(EXPORTS, params=query).status_code == 400


def test_export_is_in_the_audit_log_before_it_begins(application: FastAPI, site: Site, head: str) -> None:
    browser(application, "curator").get(EXPORTS, params={"series": head})
    with site.database.read() as session:
        entry = entries(session, limit=1)[0]
    assert (entry.actor, entry.action, entry.details["series"]) == ("curator", "series.exported", [head])
    assert entry.details["deidentified"] is True


@pytest.fixture
def interrupted(site: Site, head: str) -> Iterator[Iterator[bytes]]:
    """Stream of a de-identified export of which the first piece was taken."""
    with site.database.write() as session:
        export = begin_export(
            session,
            project_id=find_project(session, "liver").id,
            project_name="liver",
            actor="test",
            series=[head],
            profile=Profile(),
        )
    stream = site.exporter().stream(export)
    next(stream)
    yield stream
    stream.close()


def test_interrupted_download_leaves_nothing_behind(site: Site, interrupted: Iterator[bytes]) -> None:
    children = {child.pid for child in processes()}
    assert len(children) == 2
    assert left_behind(site) != []
    interrupted.close()
    assert left_behind(site) == []
    assert {child.pid for child in processes()} == set()


def processes() -> list[psutil.Process]:
    """Child processes of this one that de-identify, and live."""
    return [child for child in psutil.Process().children() if "kahua.store.confidentiality.deidentify" in _words(child)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


def test_series_deleted_meanwhile_is_told(site: Site, store: Store, head: str) -> None:
    second = store(ct_series(slices=1, seed="second"))
    with site.database.write() as session:
        project = find_project(session, "liver").id
        export = begin_export(session, project_id=project, project_name="liver", actor="test", series=[head, second])
        remove_series(session, project, second)
    _, manifest = unpack(b"".join(site.exporter().stream(export)))
    assert manifest["totals"]["series_deleted_meanwhile"] == 1


def test_manager_finds_out_who_is_behind_a_pseudonym(application: FastAPI, site: Site, head: str) -> None:
    files, _ = unpack(browser(application, "manager").get(EXPORTS, params={"series": head}).content)
    pseudonym = dcmread(io.BytesIO(next(iter(files.values())))).PatientID
    address = "/api/projects/liver/reidentifications"
    asked = {"pseudonyms": [pseudonym.lower(), "PNOBODY"], "reason": "An incidental finding."}
    found = browser(application, "manager").post(address, json=asked).json()
    assert [(one["pseudonym"], one["patient_id"]) for one in found] == [(pseudonym, "PAT-778899")]
    with site.database.read() as session:
        entry = entries(session, limit=1)[0]
    assert (entry.actor, entry.action, entry.details["found"]) == ("manager", "patient.reidentified", [pseudonym])
    assert entry.details["reason"] == "An incidental finding."
    assert "PAT-778899" not in json.dumps(entry.details)
    foreign = browser(application, "ada").post(
        "/api/projects/brain/reidentifications", json={"pseudonyms": [pseudonym], "reason": "Curiosity."}
    )
    assert foreign.json() == []


@pytest.mark.parametrize("reason", [{}, {"reason": ""}, {"reason": "  "}])
def test_nobody_is_named_without_a_reason(application: FastAPI, reason: dict[str, str]) -> None:
    asked = {"pseudonyms": ["PNOBODY"], **reason}
    assert browser(application, "manager").post("/api/projects/liver/reidentifications", json=asked).status_code == 400


def test_export_leaves_a_report_of_what_was_changed(application: FastAPI, store: Store, head: str) -> None:
    scan = store(ct_series(slices=2, seed="us", Modality="US"))
    client = browser(application, "curator")
    client.get(EXPORTS, params={"series": [head, scan]})
    (report,) = client.get("/api/projects/liver/confidentiality/reports").json()["items"]
    assert (report["occasion"], report["actor"], report["instances"], report["left_out"]) == ("export", "curator", 3, 2)
    assert {"attribute": "(0010,0010) PatientName", "action": "pseudonym", "count": 3} in report["changes"]
    table = client.get(f"/api/projects/liver/confidentiality/reports/{report['id']}/table")
    assert table.headers["content-type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert lines[0] == "kind,what,action,count"
    assert 'change,"(0010,0010) PatientName",pseudonym,3' in lines
    assert any(line.startswith("left out,") and line.endswith(",2") for line in lines)
    foreign = browser(application, "ada").get(f"/api/projects/brain/confidentiality/reports/{report['id']}/table")
    assert foreign.status_code == 404


def test_key_is_in_no_archive(application: FastAPI, site: Site, head: str) -> None:
    from kahua.store import pseudonyms_of

    content = browser(application, "curator").get(EXPORTS, params={"series": head}).content
    with site.database.write() as session:
        key = pseudonyms_of(session, find_project(session, "liver").id).key
        assert len(session.scalars(select(SeriesRow)).all()) == 1
    assert key not in content
    assert key.hex().encode() not in content
