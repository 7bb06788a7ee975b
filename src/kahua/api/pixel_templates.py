"""Where the devices of the site write into their pictures."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from kahua import datasets
from kahua.access import Permission, Principal
from kahua.api.schemas import Page, Request
from kahua.api.security import SiteAccess, SiteOfRequest
from kahua.dicom import EXAMPLES, Area, PixelTemplate
from kahua.errors import InvalidInput
from kahua.store import templates_of

router = APIRouter(prefix="/api/pixel-templates", tags=["pixel templates"])

Managing = Annotated[Principal, Depends(SiteAccess(Permission.PIXEL_TEMPLATE_MANAGE))]

Pixels = Annotated[int, Field(ge=1, le=65_535)]
Condition = Annotated[str, Field(max_length=64)]


class AreaItem(Request):
    """A rectangle of pixels; the first row and the first column have the number 0."""

    left: int = Field(ge=0, le=65_535)
    top: int = Field(ge=0, le=65_535)
    width: Pixels
    height: Pixels


class PixelTemplateItem(BaseModel):
    """What is blanked in pictures of one size of one kind of device."""

    name: str
    rows: int
    columns: int
    areas: list[AreaItem]
    modality: str
    manufacturer: str
    model: str
    sop_class_uid: str
    software: str
    #: Comes with Kahua, to be copied and checked; it is not applied.
    is_example: bool


class PixelTemplateRequest(Request):
    """A template to add; a condition that is empty fits anything."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9.-]*$")
    rows: Pixels
    columns: Pixels
    areas: list[AreaItem] = Field(min_length=1, max_length=100)
    modality: Condition = ""
    manufacturer: Condition = ""
    model: Condition = ""
    sop_class_uid: Condition = ""
    software: Condition = ""

    def template(self) -> PixelTemplate:
        """Give it as de-identification knows it."""
        fields = self.model_dump()
        areas = tuple(Area(**area) for area in fields.pop("areas"))
        try:
            return PixelTemplate(**fields, areas=areas)
        except ValueError as error:
            raise InvalidInput(str(error)) from None


@router.get("", operation_id="list_pixel_templates")
def list_pixel_templates(_principal: Managing, site: SiteOfRequest) -> Page[PixelTemplateItem]:
    """List the templates of the site, and the examples that come with Kahua."""
    with site.database.read() as session:
        applied = [_item(template, is_example=False) for template in templates_of(session)]
    return Page(items=[*applied, *(_item(template, is_example=True) for template in EXAMPLES)])


@router.post("", operation_id="add_pixel_template", status_code=201)
def add_pixel_template(principal: Managing, site: SiteOfRequest, wanted: PixelTemplateRequest) -> PixelTemplateItem:
    """Add a template; it acts on whatever is de-identified from now on, in all projects."""
    template = wanted.template()
    with site.database.write() as session:
        datasets.add_pixel_template(session, actor=principal.name, template=template)
    return _item(template, is_example=False)


@router.delete("/{name}", operation_id="remove_pixel_template", status_code=204)
def remove_pixel_template(principal: Managing, name: str, site: SiteOfRequest) -> None:
    """Remove a template."""
    with site.database.write() as session:
        datasets.remove_pixel_template(session, actor=principal.name, name=name)


def _item(template: PixelTemplate, *, is_example: bool) -> PixelTemplateItem:
    return PixelTemplateItem.model_validate({**asdict(template), "is_example": is_example})
