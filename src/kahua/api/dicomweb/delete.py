"""Delete studies, series and instances by their UIDs; they go into the trash, where they are kept for `trash_days`.

PS3.18 leaves deletion to the server; clients such as dicomweb-client send DELETE to the address of the resource.
"""

from typing import Annotated

from fastapi import APIRouter, Depends

from kahua.access import Permission, ProjectAccess, record
from kahua.api.dicomweb.service import PREFIX
from kahua.api.security import Access, SiteOfRequest
from kahua.site import Site
from kahua.store import delete_instances, delete_series
from kahua.store.dicomweb.retrieve import Address, locate_instances, locate_series

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

Deleter = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_DELETE))]


@router.delete("/studies/{study}", operation_id="delete_study", status_code=204)
def delete_study(may: Deleter, study: str, site: SiteOfRequest) -> None:
    """Delete a study with all its series."""
    _delete_series(site, may, Address(study_uid=study))


@router.delete("/studies/{study}/series/{series}", operation_id="delete_series_by_uid", status_code=204)
def delete_series_by_uid(may: Deleter, study: str, series: str, site: SiteOfRequest) -> None:
    """Delete a series with all its instances."""
    _delete_series(site, may, Address(study_uid=study, series_uid=series))


@router.delete("/studies/{study}/series/{series}/instances/{instance}", operation_id="delete_instance", status_code=204)
def delete_instance(may: Deleter, study: str, series: str, instance: str, site: SiteOfRequest) -> None:
    """Delete one instance."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    with site.database.write() as session:
        locate_instances(session, may.project_id, address)  # refuses what is not there
        delete_instances(
            session, may.project_id, [instance], actor=may.principal.name, keep=site.settings.trash_days > 0
        )
        record(
            session,
            actor=may.principal.name,
            action="instance.deleted",
            subject=instance,
            project_id=may.project_id,
            study_uid=study,
            series_uid=series,
        )


def _delete_series(site: Site, may: ProjectAccess, address: Address) -> None:
    with site.database.write() as session:
        for study_uid, series in locate_series(session, may.project_id, address):
            record(
                session,
                actor=may.principal.name,
                action="series.deleted",
                subject=series.series_uid,
                project_id=may.project_id,
                series=series.id,
                study_uid=study_uid,
                instances=series.instance_count,
            )
            delete_series(
                session, may.project_id, series.id, actor=may.principal.name, keep=site.settings.trash_days > 0
            )
