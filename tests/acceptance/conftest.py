"""A site for all stories, people who work on it, and a browser."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from kahua.testing.wheels import write_wheel

from .running import Client, RunningSite, wait_for

EXTENSION = Path(__file__).parent / "thresholding"
WORKFLOW = "thresholding/bright"

PASSWORD = "the tiger sleeps at noon"

#: Headless Chromium draws WebGL in software; root may not have its sandbox.
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--headless=new",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]

#: How long a page may take to show something, in milliseconds: the machine may be slow, and others work on it.
PAGE_MILLISECONDS = 60_000

#: Every site that was started, to show what it wrote.
STARTED: list[RunningSite] = []

StartSite = Callable[..., RunningSite]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the site wrote when a test fails, and keep a picture of the page."""
    report: Any = yield
    if report.failed:
        values = getattr(item, "funcargs", {})
        for site in STARTED:
            report.sections += [(f"site: {name}", text) for name, text in site.logs()]
        page = values.get("page")
        if isinstance(page, Page) and not page.is_closed():
            picture = Path(tempfile.mkdtemp(prefix="kahua-page-")) / "failed.png"
            page.screenshot(path=picture)
            report.sections.append(("page", f"{page.url}, pictured in {picture}"))
    return report


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder with the one package of the test extension, and the lock that names it."""
    folder = tmp_path_factory.mktemp("packages")
    return folder, write_wheel(folder, name="nothing")


@pytest.fixture(scope="session")
def start_site(tmp_path_factory: pytest.TempPathFactory, packages: tuple[Path, str]) -> Iterator[StartSite]:
    """Give what starts a site in a folder of its own; all are stopped in the end."""

    def start(**settings: object) -> RunningSite:
        chosen = {f"KAHUA_{name.upper()}": str(value) for name, value in settings.items()}
        chosen |= {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages[0])}
        site = RunningSite(tmp_path_factory.mktemp("site") / "data", chosen)
        STARTED.append(site)
        return site.start()

    yield start
    for site in STARTED:
        site.stop()


@pytest.fixture(scope="session")
def site(start_site: StartSite) -> RunningSite:
    """Site that the stories share: each works with series of its own."""
    return start_site()


@pytest.fixture(scope="session")
def client(site: RunningSite) -> Iterator[Client]:
    """Give the administrator's API token to a client."""
    client = client_of(site)
    yield client
    client.http.close()


def client_of(site: RunningSite) -> Client:
    """Make a client with a token of the administrator."""
    said = site.kahua("user", "token", "admin", "--label", "acceptance")
    assert said.returncode == 0, said.stderr
    return Client(site, said.stdout.strip())


@pytest.fixture(scope="session")
def workflow(client: Client, packages: tuple[Path, str]) -> str:
    """Name of the test extension's workflow, installed and ready."""
    return install(client, packages[1])


def install(client: Client, lock: str) -> str:
    """Install the test extension over HTTP and wait until its environment is built."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in EXTENSION.iterdir():
            file.write(path, path.name)
        file.writestr("requirements.txt", lock)
    answer = client.http.post("/api/extensions", content=archive.getvalue())
    assert answer.status_code == 202, answer.text

    def is_built() -> bool:
        (extension,) = client.http.get("/api/extensions").json()["items"]
        assert extension["state"] != "failed", extension["error"]
        return bool(extension["state"] == "ready")

    wait_for(is_built, "the environment of the extension")
    return WORKFLOW


@pytest.fixture(scope="session")
def ada(site: RunningSite) -> str:
    """Name of an administrator whose password is PASSWORD."""
    said = site.kahua("user", "add", "ada", "--administrator", "--display-name", "Ada Lovelace")
    assert said.returncode == 0, said.stderr
    address, _, token = said.stdout.strip().partition("/sign-in#token=")
    assert address == site.url
    with httpx.Client(base_url=site.url) as browser:
        answer = browser.post("/api/sign-in/link", json={"token": token})
        headers = {"X-CSRF-Token": answer.json()["csrf_token"]}
        answer = browser.put("/api/me/password", json={"new": PASSWORD}, headers=headers)
        assert answer.is_success, answer.text
    return "ada"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium")
    expect.set_options(timeout=PAGE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """Give a browser without a past."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PAGE_MILLISECONDS)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about; a test that expects a complaint takes it out."""
    return []


def forget_refusals(complaints: list[str], status: int = 401) -> None:
    """Take out that the browser was refused something: it tells so in the console, whatever the page makes of it."""
    complaints[:] = [complaint for complaint in complaints if f"status of {status}" not in complaint]


def forget_viewer(complaints: list[str]) -> None:
    """Take out what OHIF complains of when it gives up the image alone, for what is laid over it."""
    complaints[:] = [complaint for complaint in complaints if "viewport has been destroyed" not in complaint]


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """Give an empty page; in the end it must not have complained in the console."""
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture
def signed_in(site: RunningSite, ada: str, page: Page) -> Page:
    """Sign in in the browser; give the page of the project."""
    page.goto(f"{site.url}/sign-in")
    page.get_by_role("textbox", name="Name").fill(ada)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/*")  # the first of all, whichever it is
    page.goto(f"{site.url}/projects/main")
    return page
