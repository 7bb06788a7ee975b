import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from kahua.api import pages
from kahua.api.openapi import as_text
from kahua.testing.site import anonymous, browser

DESCRIPTION = Path(__file__).parents[3] / "web" / "openapi.json"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "ohif").mkdir()
    (folder / "index.html").write_text("<p>the web application</p>")
    (folder / "assets" / "index-Ab12.js").write_text("uncompressed")
    (folder / "assets" / "index-Ab12.js.br").write_bytes(b"compressed")
    (folder / "ohif" / "index.html").write_text("<p>the viewer</p>")
    (folder / "ohif" / "app.bundle.096daabbdde29bd851ab.js").write_text("viewer")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(pages, "FOLDERS", (folder,))
    return folder


@pytest.mark.parametrize("address", ["/", "/sign-in", "/projects/liver/runs/1"])
def test_every_page_is_the_web_application(application: FastAPI, built: Path, address: str) -> None:
    answer = anonymous(application).get(address)
    assert (answer.status_code, answer.text) == (200, (built / "index.html").read_text())
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("address", ["/api/nothing", "/dicom-web/liver/nothing", "/assets/gone-1.js", "/metrics/x"])
@pytest.mark.usefixtures("built")
def test_what_is_no_page_is_not_found(application: FastAPI, address: str) -> None:
    answer = anonymous(application).get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/..%5csecret.txt", "/%00.txt"])
@pytest.mark.parametrize("folder", ["", "/ohif"])
@pytest.mark.usefixtures("built")
def test_no_path_leaves_the_folder(application: FastAPI, folder: str, path: str) -> None:
    assert "secret" not in anonymous(application).get(folder + path).text


def test_links_out_of_the_folder_are_not_followed(application: FastAPI, built: Path) -> None:
    (built / "assets" / "link.txt").symlink_to(built.parent / "secret.txt")
    assert anonymous(application).get("/assets/link.txt").status_code == 404


@pytest.mark.usefixtures("built")
def test_assets_are_kept_by_browsers_and_come_compressed(application: FastAPI) -> None:
    client = anonymous(application)
    plain = client.get("/assets/index-Ab12.js", headers={"accept-encoding": "gzip"})
    assert (plain.text, plain.headers["content-type"]) == ("uncompressed", "text/javascript; charset=utf-8")
    assert "immutable" in plain.headers["cache-control"]
    with client.stream("GET", "/assets/index-Ab12.js", headers={"accept-encoding": "br"}) as compressed:
        assert (b"".join(compressed.iter_raw()), compressed.headers["content-encoding"]) == (b"compressed", "br")
    again = client.get(
        "/assets/index-Ab12.js", headers={"accept-encoding": "gzip", "if-none-match": plain.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.usefixtures("built")
def test_viewer_asks_strangers_to_sign_in(application: FastAPI) -> None:
    answer = anonymous(application).get("/ohif/viewer/liver?StudyInstanceUIDs=1.2", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.usefixtures("built")
def test_viewer_has_a_policy_of_its_own(application: FastAPI) -> None:
    client = browser(application, "viewer")
    assert "'unsafe-eval'" in client.get("/ohif/viewer/liver").headers["content-security-policy"]
    assert "'unsafe-eval'" not in client.get("/").headers["content-security-policy"]
    assert "immutable" in client.get("/ohif/app.bundle.096daabbdde29bd851ab.js").headers["cache-control"]


def test_viewer_knows_only_the_projects_of_the_person(application: FastAPI) -> None:
    text = browser(application, "viewer").get("/ohif/app-config.js").text
    assignment, *_ = text.splitlines()
    configuration: dict[str, Any] = json.loads(assignment.removeprefix("window.config = ").removesuffix(";"))
    sources = [source["configuration"] for source in configuration["dataSources"]]
    assert [(source["name"], source["qidoRoot"]) for source in sources] == [("liver", "/dicom-web/liver")]
    assert anonymous(application).get("/ohif/app-config.js").status_code == 401


def test_unbuilt_pages_say_how_to_build_them(
    application: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FOLDERS", (tmp_path,))
    for address in ("/", "/ohif/viewer/liver"):
        answer = anonymous(application).get(address)
        assert answer.status_code == 503
        assert "make setup" in answer.text


def test_description_for_the_web_client_is_up_to_date() -> None:
    assert DESCRIPTION.read_text() == as_text(), (
        "the routes have changed: python -m kahua.api.openapi > web/openapi.json, then npm run generate in web/"
    )
