"""Series, datasets, quarantine and files over HTTP."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from kahua.access import entries, find_project
from kahua.api.middleware import DATA_POLICY
from kahua.database import now
from kahua.site import Site
from kahua.store import FileRow, InstanceRow, QuarantineRow, SeriesRow
from kahua.store.validation import Finding, Severity
from kahua.store.validation.findings import keep_findings
from kahua.testing.factory import part10, picture
from kahua.testing.series import add_many_series, add_series
from kahua.testing.site import browser, program

from .test_dicomweb import derive_all, stow

pytestmark = pytest.mark.elsewhere

HOSTILE = "<img src=x onerror=alert(1)>\"'\u202e"
SERIES = "/api/projects/liver/series"


@pytest.fixture
def project(site: Site) -> str:
    with site.database.read() as session:
        row = find_project(session, "liver")
    return str(row.id)


@pytest.fixture
def series(site: Site, project: str) -> Iterator[dict[str, str]]:
    with site.database.write() as session:
        image = add_series(session, project, description="T1 sagittal")
        mask = add_series(session, project, modality="SEG", description="Brain", refers_to=image)
        foreign = find_project(session, "brain")
        other = add_series(session, foreign.id, modality="SEG", description="Foreign", refers_to=image)
    return {"image": image.id, "mask": mask.id, "other": other.id}


def test_series_are_listed_with_what_was_made_from_them(application: FastAPI, series: dict[str, str]) -> None:
    page = browser(application, "viewer").get(SERIES).json()
    assert [item["id"] for item in page["items"]] == [series["mask"], series["image"]]
    assert page["total"] == {"series": 2, "studies": 1, "patients": 1}
    assert page["next_cursor"] is None
    mask, image = page["items"]
    assert image["results"] == ["SEG: Brain"]
    assert mask["preview"] == {"state": "pending", "note": "", "url": None, "filmstrip_url": None}


def test_list_goes_on_page_by_page(application: FastAPI, site: Site, project: str) -> None:
    with site.database.write() as session:
        add_many_series(session, project, 5)
    client, seen, cursor = browser(application, "viewer"), [], None
    for _ in range(3):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get(SERIES, params=query).json()
        seen += [item["description"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"Series {number}" for number in (4, 3, 2, 1, 0)]
    assert cursor is None
    assert page["total"] is None


def test_series_page_tells_what_belongs_together(application: FastAPI, series: dict[str, str]) -> None:
    client = browser(application, "viewer")
    detail = client.get(f"{SERIES}/{series['image']}").json()
    assert [item["id"] for item in detail["referenced_by"]] == [series["mask"]]
    assert detail["study"]["patient_name"] == "Doe^Jane"
    assert detail["viewer_url"].startswith("/ohif/viewer/liver?StudyInstanceUIDs=2.25.")
    reverse = client.get(f"{SERIES}/{series['mask']}").json()
    assert [item["id"] for item in reverse["references"]] == [series["image"]]
    assert reverse["viewer_url"]


@pytest.mark.parametrize(
    "attributes",
    [{"modality": "PR"}, {"modality": "ECG"}, {"modality": "SEG"}, {"modality": "RTSTRUCT"}, {"preview_state": "none"}],
)
def test_no_viewer_is_offered_for_what_it_shows_nothing_of(
    application: FastAPI, site: Site, project: str, attributes: dict[str, str]
) -> None:
    """Neither for what has no picture, nor for an overlay whose image is not here."""
    with site.database.write() as session:
        alone = add_series(session, project, **attributes).id
    assert browser(application, "viewer").get(f"{SERIES}/{alone}").json()["viewer_url"] is None


@pytest.mark.parametrize(("kind", "is_shown"), [(np.uint8, True), (np.uint16, False)])
def test_no_viewer_is_offered_for_colours_that_it_draws_black(
    application: FastAPI, kind: type[np.unsignedinteger[Any]], is_shown: bool
) -> None:
    image = picture(np.zeros((2, 2), kind), photometric="PALETTE COLOR")
    assert stow(program(application, "curator"), part10(image)).is_success
    client = browser(application, "viewer")
    (item,) = client.get(SERIES).json()["items"]
    assert bool(client.get(f"{SERIES}/{item['id']}").json()["viewer_url"]) is is_shown


@pytest.mark.parametrize("segmented", [True, False])
def test_no_viewer_is_offered_for_a_palette_in_segments(application: FastAPI, site: Site, segmented: bool) -> None:
    """It reads those that name each colour."""
    prefix, attributes = "Segmented" if segmented else "", {}
    for colour in ("Red", "Green", "Blue"):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        entries = np.array([0, 1, 0, 1, 255, 0xFFFF]) if segmented else np.arange(256)
        attributes[f"{prefix}{colour}PaletteColorLookupTableData"] = entries.astype("<u2").tobytes()
    image = picture(np.zeros((2, 2), np.uint8), photometric="PALETTE COLOR", **attributes)
    assert stow(program(application, "curator"), part10(image)).is_success
    derive_all(site)
    client = browser(application, "viewer")
    (item,) = client.get(SERIES).json()["items"]
    assert bool(client.get(f"{SERIES}/{item['id']}").json()["viewer_url"]) is not segmented


@pytest.mark.parametrize("path", ["", "/attributes", "/preview"])
def test_series_of_another_project_is_not_there(application: FastAPI, series: dict[str, str], path: str) -> None:
    client = browser(application, "manager")
    foreign, none = (client.get(f"{SERIES}/{one}{path}") for one in (series["other"], "nosuch"))
    assert foreign.status_code == none.status_code == 404
    assert {**foreign.json(), "instance": ""} == {**none.json(), "instance": ""}
    assert client.delete(f"{SERIES}/{series['other']}").status_code == 404


def test_hostile_text_comes_back_unchanged_as_data(application: FastAPI, site: Site, project: str) -> None:
    with site.database.write() as session:
        add_series(session, project, description=HOSTILE, patient_name=HOSTILE)
    answer = browser(application, "viewer").get(SERIES)
    assert answer.json()["items"][0]["description"] == HOSTILE
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == DATA_POLICY


@pytest.mark.parametrize("query", ['"open', "Foo:1", "StudyDate:yesterday"])
def test_query_that_cannot_be_understood_is_explained(application: FastAPI, query: str) -> None:
    problem = browser(application, "viewer").get(SERIES, params={"q": query}).json()
    assert (problem["status"], problem["field"]) == (400, "q")


@pytest.mark.parametrize("address", [f"{SERIES}?q=%00", f"{SERIES}?modality=a%00", f"{SERIES}/a%00b"])
def test_nul_in_an_address_is_refused(application: FastAPI, address: str) -> None:
    assert browser(application, "viewer").get(address).status_code == 400


def test_findings_are_told_and_found(application: FastAPI, site: Site, series: dict[str, str]) -> None:
    finding = Finding(
        code="missing-slices", severity=Severity.WARNING, sentence=HOSTILE, remedy="Send it again.", details=("a",)
    )
    with site.database.write() as session:
        for name in ("image", "other"):
            row = session.get_one(SeriesRow, series[name])
            row.validation_state, row.validated_at = "warnings", now()
            keep_findings(session, row, [finding])
    client = browser(application, "viewer")
    told = client.get(f"{SERIES}/{series['image']}/validation").json()
    assert told["state"] == "warnings"
    assert told["findings"] == [
        {
            "code": "missing-slices",
            "severity": "warning",
            "sentence": HOSTILE,
            "remedy": "Send it again.",
            "instances": 0,
            "details": ["a"],
        }
    ]
    assert client.get(f"{SERIES}/{series['other']}/validation").status_code == 404
    for query in ("Validation:warnings", "validation:Missing-Slices"):
        assert [item["id"] for item in client.get(SERIES, params={"q": query}).json()["items"]] == [series["image"]]
    assert client.get(SERIES, params={"q": "Validation:errors"}).json()["items"] == []
    facets = client.get(f"{SERIES}/facets").json()["validation"]
    assert facets == [{"value": "pending", "count": 1}, {"value": "warnings", "count": 1}]


def test_facets_count_the_values(application: FastAPI, series: dict[str, str]) -> None:  # noqa: ARG001
    facets = browser(application, "viewer").get(f"{SERIES}/facets").json()
    assert facets["modality"] == [{"value": "MR", "count": 1}, {"value": "SEG", "count": 1}]


def test_attributes_have_names_and_values(application: FastAPI, series: dict[str, str]) -> None:
    (modality,) = browser(application, "viewer").get(f"{SERIES}/{series['image']}/attributes").json()
    assert modality == {"tag": "(0008,0060)", "keyword": "Modality", "name": "Modality", "vr": "CS", "value": "MR"}


@pytest.mark.parametrize(("kind", "name"), [("preview", "url"), ("filmstrip", "filmstrip_url")])
def test_picture_is_kept_by_version(application: FastAPI, site: Site, project: str, kind: str, name: str) -> None:
    key = "ab" * 32
    site.objects.put(key, [b"RIFF picture"])
    with site.database.write() as session:
        row = add_series(session, project, preview_state="ready", **{f"{kind}_key": key})
    client = browser(application, "viewer")
    url = client.get(f"{SERIES}/{row.id}").json()["preview"][name]
    answer = client.get(url)
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF picture", "image/webp")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get(f"{SERIES}/{row.id}/{kind}").headers["cache-control"] == "private, no-cache"


def test_etag_tells_nothing_to_who_may_not_see(application: FastAPI, site: Site, project: str) -> None:
    key = "ab" * 32
    with site.database.write() as session:
        row = add_series(session, project, preview_key=key, preview_state="ready")
    headers = {"If-None-Match": f'"{key}"'}
    assert browser(application, "stranger").get(f"{SERIES}/{row.id}/preview", headers=headers).status_code == 404


def test_deleting_a_series_is_audited(application: FastAPI, site: Site, series: dict[str, str]) -> None:
    client = browser(application, "manager")
    assert client.delete(f"{SERIES}/{series['image']}").status_code == 204
    assert client.get(f"{SERIES}/{series['image']}").status_code == 404
    with site.database.read() as session:
        (entry,) = entries(session, limit=1)
        left = session.scalar(select(func.count()).select_from(SeriesRow))
    assert (entry.actor, entry.action) == ("manager", "series.deleted")
    assert left == 2


def test_refusal_is_audited(application: FastAPI, site: Site, series: dict[str, str]) -> None:
    assert browser(application, "viewer").delete(f"{SERIES}/{series['image']}").status_code == 403
    with site.database.read() as session:
        (entry,) = entries(session, limit=1)
    assert (entry.actor, entry.action) == ("viewer", "request.refused")


def test_file_is_an_attachment_that_runs_nothing(application: FastAPI, site: Site, project: str) -> None:
    site.objects.put("cd" * 32, [b"<script>alert(1)</script>"])
    with site.database.write() as session:
        file = FileRow(
            project_id=project,
            name='evil"\r\n.html',
            media_type="text/html",
            object_key="cd" * 32,
            size=25,
            created_at=now(),
            created_by="test",
        )
        session.add(file)
    answer = browser(application, "viewer").get(f"/api/projects/liver/files/{file.id}/content")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''evil%22%0D%0A.html"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert browser(application, "stranger").get(f"/api/projects/brain/files/{file.id}/content").status_code == 404


def test_quarantine_says_why_and_pages(application: FastAPI, site: Site, project: str) -> None:
    with site.database.write() as session:
        session.add_all(
            QuarantineRow(
                project_id=project,
                reason_code="unreadable-dicom",
                reason=HOSTILE,
                sop_instance_uid="",
                name=f"file {number}",
                door="stow",
                sender="ada",
                object_key=f"{number:064}",
                size=1,
                received_at=now(),
            )
            for number in range(3)
        )
    client = browser(application, "curator")
    first = client.get("/api/projects/liver/quarantine?limit=2").json()
    second = client.get(f"/api/projects/liver/quarantine?limit=2&cursor={first['next_cursor']}").json()
    names = [item["name"] for item in (*first["items"], *second["items"])]
    assert sorted(names) == ["file 0", "file 1", "file 2"]
    assert first["items"][0]["reason"] == HOSTILE
    assert second["next_cursor"] is None


def test_dataset_lives_through_its_versions(application: FastAPI, series: dict[str, str]) -> None:
    client, address = browser(application, "curator"), "/api/projects/liver/datasets"
    made = client.post(address, json={"name": "Kohorte 1", "series": [series["image"]]})
    assert (made.status_code, made.json()["version"], made.json()["series_count"]) == (201, 1, 1)
    changed = client.post(f"{address}/Kohorte 1/series", json={"add": [series["mask"]]}).json()
    assert (changed["version"], changed["series_count"]) == (2, 2)
    assert client.get(f"{address}/Kohorte 1?version=1").json()["series"] == [series["image"]]
    assert client.get(SERIES, params={"dataset": "Kohorte 1"}).json()["total"]["series"] == 2
    assert client.get(f"{SERIES}/{series['image']}").json()["datasets"] == ["Kohorte 1"]
    assert client.patch(f"{address}/Kohorte 1", json={"name": "Kohorte 2"}).json()["version"] == 2
    assert [item["name"] for item in client.get(address).json()["items"]] == ["Kohorte 2"]
    assert client.delete(f"{address}/Kohorte 2").status_code == 204
    assert client.get(f"{address}/Kohorte 2").status_code == 404


def test_dataset_takes_no_series_of_another_project(application: FastAPI, series: dict[str, str]) -> None:
    client = browser(application, "curator")
    for unknown in (series["other"], "nosuch"):
        problem = client.post("/api/projects/liver/datasets", json={"name": "x", "series": [unknown]}).json()
        assert (problem["status"], problem["series"]) == (404, [unknown])
    assert client.get("/api/projects/liver/datasets").json()["items"] == []


def test_unknown_field_of_a_body_is_refused(application: FastAPI) -> None:
    body = {"name": "x", "serie": []}
    problem = browser(application, "curator").post("/api/projects/liver/datasets", json=body).json()
    assert (problem["status"], problem["field"]) == (400, "serie")


def test_nul_in_a_body_is_refused(application: FastAPI) -> None:
    body = {"name": "x", "description": "a\x00"}
    assert browser(application, "curator").post("/api/projects/liver/datasets", json=body).status_code == 400


def test_attributes_of_the_first_instance_are_listed(application: FastAPI, site: Site, project: str) -> None:
    with site.database.write() as session:
        row = add_series(session, project)
        for number, rows in ((2, 64), (1, 32)):
            session.add(
                InstanceRow(
                    project_id=project,
                    series_id=row.id,
                    sop_instance_uid=f"1.2.{number}",
                    sop_class_uid="1.2",
                    transfer_syntax_uid="1.2",
                    instance_number=number,
                    object_key="0" * 64,
                    size=1,
                    data_offset=0,
                    dicom_json=b'{"00280010":{"vr":"US","Value":[%d]},"00091001":{"vr":"LO","Value":["<x>"]}}' % rows,
                    received_at=now(),
                    door="stow",
                    sender="test",
                )
            )
    listed = browser(application, "viewer").get(f"{SERIES}/{row.id}/attributes").json()
    assert {item["tag"]: item["value"] for item in listed} == {
        "(0008,0060)": "MR",
        "(0009,1001)": "<x>",
        "(0028,0010)": "32",
    }
