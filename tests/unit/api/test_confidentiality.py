"""What a project decides about identity, over HTTP."""

from fastapi import FastAPI

from kahua.access import entries
from kahua.site import Site
from kahua.testing.site import browser

ADDRESS = "/api/projects/liver/confidentiality"


def test_project_begins_with_the_basic_profile_on_the_way_out(application: FastAPI) -> None:
    found = browser(application, "viewer").get(ADDRESS).json()
    assert (found["on_arrival"], found["dates"], found["keep"]) == (False, "shift", [])
    assert [code["value"] for code in found["codes"]] == ["113100", "113103", "113104", "113107"]


def test_decision_stays_and_is_in_the_audit_log(application: FastAPI, site: Site) -> None:
    wanted = {"on_arrival": True, "dates": "remove", "keep": ["device", "uids"], "faces": "hold"}
    browser(application, "manager").put(ADDRESS, json=wanted)
    found = browser(application, "viewer").get(ADDRESS).json()
    assert {name: found[name] for name in wanted} == wanted
    with site.database.read() as session:
        entry = entries(session, limit=1)[0]
    assert (entry.actor, entry.action) == ("manager", "confidentiality.changed")
    assert entry.details["before"]["on_arrival"] is False
    assert entry.details["after"]["profile"]["retain_uids"] is True


def test_projects_decide_apart(application: FastAPI) -> None:
    browser(application, "manager").put(ADDRESS, json={"on_arrival": True})
    assert browser(application, "ada").get("/api/projects/brain/confidentiality").json()["on_arrival"] is False


def test_unknown_choices_are_refused(application: FastAPI) -> None:
    client = browser(application, "manager")
    for wrong in ({"on_arrival": True, "keep": ["names"]}, {"on_arrival": True, "faces": "blur"}, {"dates": "shift"}):
        assert client.put(ADDRESS, json=wrong).status_code == 400
