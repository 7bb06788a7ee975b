"""The web application and the viewer: files that were built before, and the viewer's configuration.

Every address that no other router knows is answered with the web application, which then shows the
page of that address or says that there is none.
"""

import json
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

import kahua
from kahua import access
from kahua.access import Principal
from kahua.api.files import built_file, is_hashed, send_file
from kahua.api.security import Public, SignedIn, SiteOfRequest, cookie_of
from kahua.errors import NotFound

router = APIRouter(include_in_schema=False)

#: Where the built web application may lie: in an installed package, or in a checkout.
FOLDERS = (Path(kahua.__file__).parent / "web", Path(kahua.__file__).parents[2] / "web" / "dist")

#: Addresses of programs: what is unknown there is an error, never a page.
PROGRAM_ADDRESSES = ("api", "dicom-web", "healthz", "readyz", "metrics")

#: The viewer's decoders and its reader of segmentations make functions from text ("unsafe-eval"); so its pages have a
#: policy of their own, the rest of the site has none of it.
VIEWER_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'self'"
)

#: The viewer calls this for each image that did not come, also where it gave it up itself; without, it complains.
FAILED_REQUESTS = "window.config.httpErrorHandler = (error) => console.warn('Not loaded:', error);\n"

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Kahua</title>
<body style="font-family: system-ui, sans-serif; max-width: 36rem; margin: 4rem auto; line-height: 1.5">
<h1>The web interface is not built yet</h1>
<p>The site runs; its pages have to be built once:</p><pre>make setup</pre>
<p>or, where Node 20.19 or newer is installed:</p><pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>Then reload this page. Nothing has to be restarted.</p></body></html>"""


@router.get("/ohif/app-config.js", operation_id="get_viewer_configuration")
def viewer_configuration(principal: Annotated[Principal, Depends(SignedIn())], site: SiteOfRequest) -> Response:
    """Tell the viewer its data sources: one a project of the person who asks, called as the project."""
    with site.database.read() as session:
        projects = [(row.name, row.title) for row, _role in access.projects_of(session, principal)]
    script = f"window.config = {json.dumps(configuration(projects))};\n{FAILED_REQUESTS}"
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-store"})


def configuration(projects: list[tuple[str, str]]) -> dict[str, object]:
    """Make the viewer's configuration for projects, given as name and title."""
    return {
        "routerBasename": "/ohif",
        "showStudyList": False,
        "extensions": [],
        "modes": [],
        "customizationService": [{"ohif.tours": {"$set": []}}],
        "investigationalUseDialog": {"option": "never"},
        # Segmentations are drawn over their image without a question.
        "disableConfirmationPrompts": True,
        "showWarningMessageForCrossOrigin": False,
        "defaultDataSourceName": projects[0][0] if projects else "",
        "dataSources": [_data_source(name, title) for name, title in projects],
    }


def _data_source(name: str, title: str) -> dict[str, object]:
    root = f"/dicom-web/{name}"
    return {
        "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
        "sourceName": name,
        "configuration": {
            "name": name,
            "friendlyName": title or name,
            "qidoRoot": root,
            "wadoRoot": root,
            "imageRendering": "wadors",
            "thumbnailRendering": "wadors",
            "enableStudyLazyLoad": True,
            "qidoSupportsIncludeField": False,
            "supportsFuzzyMatching": False,
            "supportsWildcard": True,
            "omitQuotationForMultipartRequest": True,
            "bulkDataURI": {"enabled": True},
            # Videos by their address: one that is fetched before is an error of the viewer for the whole study.
            "singlepart": "video",
        },
    }


@router.get("/ohif/{path:path}", dependencies=[Depends(Public())])
def viewer(path: str, request: Request) -> Response:
    """Serve the viewer; its pages only to who is signed in, others are led to the sign-in first."""
    folder = _folder()
    if folder is None:
        return HTMLResponse(NOT_BUILT, status_code=503)
    file = built_file(folder / "ohif", path)
    if file is None:
        if _is_asset(path):
            raise NotFound
        if cookie_of(request) is None:
            return RedirectResponse("/sign-in", status_code=303)
        file = built_file(folder / "ohif", "index.html")
    if file is None:
        return HTMLResponse(NOT_BUILT, status_code=503)
    answer = send_file(request, file, unchanging=is_hashed(file.name))
    answer.headers["Content-Security-Policy"] = VIEWER_POLICY
    return answer


@router.get("/{path:path}", dependencies=[Depends(Public())])
def web_application(path: str, request: Request) -> Response:
    """Serve the web application: its files by their names, and its one page for everything else."""
    if path.split("/", 1)[0] in PROGRAM_ADDRESSES:
        raise NotFound
    folder = _folder()
    if folder is None:
        return HTMLResponse(NOT_BUILT, status_code=503)
    file = built_file(folder, path)
    if file is not None and path != "index.html":
        return send_file(request, file, unchanging=path.startswith("assets/"))
    if _is_asset(path):
        raise NotFound
    return send_file(request, folder / "index.html", unchanging=False)


def _is_asset(path: str) -> bool:
    """Whether a path is one of a part of a page rather than of a page: a missing part is an error."""
    return path.startswith("assets/") or path.endswith((".js", ".css", ".map", ".wasm", ".json", ".woff2", ".png"))


def _folder() -> Path | None:
    return next((folder for folder in FOLDERS if (folder / "index.html").is_file()), None)
