"""The extensions of a site: install, list, check, remove; and the workflows that they bring."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.database import Database, new_id, now
from kahua.errors import KahuaError, NotFound, StateConflict
from kahua.extensions.archive import unpack_extension
from kahua.extensions.folders import copy_extension, extension_digest, put_in_place
from kahua.extensions.manifest import Environment, Manifest, read_manifest, version_order
from kahua.extensions.tables import ExtensionRow
from kahua.settings import Settings
from kahua.workflows.catalogue import InstalledEnvironment, InstalledWorkflow
from kahua.workflows.environments import EnvironmentBuilder
from kahua.workflows.states import FINAL_RUN_STATES
from kahua.workflows.tables import RunRow

Progress = Callable[[str], None]
State = Literal["building", "ready", "failed"]

#: Longest account of a failure that is kept.
ERROR_LENGTH = 8000

NOT_BUILT = (
    "Its environment is not there; it has to be built again. Install the extension again, or wait for the worker."
)


@dataclass(frozen=True, kw_only=True)
class InstalledExtension:
    """An extension in one version, as it is installed."""

    id: str
    manifest: Manifest
    digest: str
    folder: Path
    state: State
    #: Why it is not ready, if it failed.
    error: str
    installed_at: datetime
    installed_by: str


def _silent(_line: str) -> None:
    """Tell nobody."""


class Extensions:
    """Knows and keeps the extensions of a site; the catalogue of its workflows.

    An extension is validated, copied below the data folder and entered as `building`; then its
    environments are built, and it is `ready` or `failed`. Whoever is killed in between leaves an
    extension that `build_pending` completes.
    """

    def __init__(self, *, database: Database, settings: Settings, builder: EnvironmentBuilder | None = None) -> None:
        self._database = database
        self._folder = settings.folder("extensions")
        self._builder = builder or EnvironmentBuilder(settings)

    def installed(self) -> list[InstalledExtension]:
        """Give every installed extension, by name, the newest version first."""
        with self._database.read() as session:
            found = [self._extension(row) for row in session.scalars(select(ExtensionRow))]
        found.sort(key=lambda extension: version_order(extension.manifest.version), reverse=True)
        return sorted(found, key=lambda extension: extension.manifest.name)

    def check(self, path: Path, *, build: bool = False, progress: Progress = _silent) -> Manifest:
        """Validate an extension in a folder or archive without installing it; build its environments if asked to.

        Raises
        ------
        InvalidExtension
            Names everything that is wrong.
        """
        incoming = self._bring(path)
        try:
            manifest = read_manifest(incoming)
            if build:
                self._build_environments(manifest, incoming, progress)
            return manifest
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def install(self, path: Path, *, actor: str, progress: Progress = _silent) -> InstalledExtension:
        """Install an extension from a folder or archive, and build its environments.

        Raises
        ------
        InvalidExtension
            Names everything that is wrong.
        StateConflict
            The same version is installed with other content.
        KahuaError
            An environment could not be built; the extension stays, as failed.
        """
        extension = self.register(path, actor=actor)
        return extension if extension.state == "ready" else self.build(extension.id, progress)

    def register(self, path: Path, *, actor: str) -> InstalledExtension:
        """Validate, copy and enter an extension; `build` makes it ready. The same again changes nothing."""
        incoming = self._bring(path)
        try:
            manifest, digest = read_manifest(incoming), extension_digest(incoming)
            # The files come first: a row without files would be an extension that cannot run.
            self._refuse_other_content(manifest, digest)
            put_in_place(incoming, self._place(manifest, digest))
            with self._database.write() as session:
                row = self._enter(session, manifest, digest, actor)
                return self._extension(row)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def build(self, extension_id: str, progress: Progress = _silent) -> InstalledExtension:
        """Build the environments of an entered extension; it is ready or failed afterwards.

        Raises
        ------
        NotFound
            There is no such extension.
        KahuaError
            An environment could not be built.
        """
        with self._database.read() as session:
            extension = self._extension(_row(session, extension_id))
        try:
            self._build_environments(extension.manifest, extension.folder, progress)
        except KahuaError as error:
            self._set_state(extension_id, "failed", str(error))
            raise
        return self._set_state(extension_id, "ready", "")

    def build_pending(self, progress: Progress = _silent) -> None:
        """Complete what was entered and not built, or what lost its environment; failures stay in their rows."""
        for extension in self.installed():
            lost = extension.state == "failed" and extension.error == NOT_BUILT
            if extension.state == "building" or lost:
                progress(f"Building the environment of {extension.manifest.name} {extension.manifest.version}")
                with suppress(KahuaError):  # the row tells why, and people see it
                    self.build(extension.id, progress)

    def remove(self, name: str, version: str, *, actor: str) -> None:
        """Remove an extension; runs that are over keep their records.

        Raises
        ------
        NotFound
            It is not installed.
        StateConflict
            Runs that are not over use it.
        """
        with self._database.write() as session:
            row = session.scalar(select(ExtensionRow).where(ExtensionRow.name == name, ExtensionRow.version == version))
            if row is None:
                raise NotFound(f"The extension {name} {version} is not installed.")
            _refuse_while_used(session, name, version)
            extension = self._extension(row)
            session.delete(row)
            record(session, actor=actor, action="extension.removed", subject=f"{name} {version}", digest=row.digest)
        for digest in self._environments(extension) - self._environments(*self.installed()):
            self._builder.remove(digest)
        shutil.rmtree(extension.folder, ignore_errors=True)

    def get(self, name: str, version: str | None = None) -> InstalledWorkflow:
        """Give the workflow of that name, ``EXTENSION/WORKFLOW``; without a version, the newest one.

        Raises
        ------
        NotFound
            It is not installed.
        """
        extension_name, _, workflow_name = name.partition("/")
        for extension in self.installed():
            same = extension.manifest.name == extension_name and version in (None, extension.manifest.version)
            if same and workflow_name in extension.manifest.workflows:
                return self._workflow(extension, workflow_name)
        raise NotFound(f"There is no workflow {name}{f' {version}' if version else ''} on this site.")

    def list(self) -> Sequence[InstalledWorkflow]:
        """Give every workflow in its newest version, by name."""
        newest: dict[str, InstalledWorkflow] = {}
        for extension in self.installed():
            for name in extension.manifest.workflows:
                newest.setdefault(f"{extension.manifest.name}/{name}", self._workflow(extension, name))
        return [newest[name] for name in sorted(newest)]

    def _bring(self, path: Path) -> Path:
        """Copy or unpack what is to be installed to a place that is the site's own."""
        incoming = self._folder / ".incoming" / new_id()
        if path.is_dir():
            read_manifest(path)  # before gigabytes are copied for nothing
            copy_extension(path, incoming)
            return incoming
        return unpack_extension(path, incoming)

    def _place(self, manifest: Manifest, digest: str) -> Path:
        return self._folder / manifest.name / f"{manifest.version}-{digest[:12]}"

    def _refuse_other_content(self, manifest: Manifest, digest: str) -> None:
        with self._database.read() as session:
            row = _same_version(session, manifest)
            if row is not None and row.digest != digest:
                raise _other_content(manifest)

    def _enter(self, session: Session, manifest: Manifest, digest: str, actor: str) -> ExtensionRow:
        row = _same_version(session, manifest)
        if row is not None and row.digest != digest:
            raise _other_content(manifest)
        if row is not None:
            if row.state == "failed" or self._extension(row).state == "failed":
                row.state, row.error = "building", ""
            return row
        row = ExtensionRow(
            id=new_id(),
            name=manifest.name,
            version=manifest.version,
            manifest=manifest.model_dump(mode="json", by_alias=True, exclude_none=True),
            digest=digest,
            state="building",
            error="",
            installed_at=now(),
            installed_by=actor,
        )
        session.add(row)
        subject = f"{manifest.name} {manifest.version}"
        record(session, actor=actor, action="extension.installed", subject=subject, digest=digest)
        return row

    def _build_environments(self, manifest: Manifest, folder: Path, progress: Progress) -> None:
        for environment in manifest.environments.values():
            self._builder.build(*_files(environment, folder), progress=progress)

    def _set_state(self, extension_id: str, state: State, error: str) -> InstalledExtension:
        with self._database.write() as session:
            row = _row(session, extension_id)
            row.state, row.error = state, error[:ERROR_LENGTH]
            return self._extension(row)

    def _extension(self, row: ExtensionRow) -> InstalledExtension:
        manifest = Manifest.model_validate(row.manifest)
        folder = self._place(manifest, row.digest)
        state, error = cast("State", row.state), row.error
        if state == "ready" and len(self._found(manifest, folder)) < len(manifest.environments):
            state, error = "failed", NOT_BUILT
        return InstalledExtension(
            id=row.id,
            manifest=manifest,
            digest=row.digest,
            folder=folder,
            state=state,
            error=error,
            installed_at=row.installed_at,
            installed_by=row.installed_by,
        )

    def _found(self, manifest: Manifest, folder: Path) -> dict[str, InstalledEnvironment]:
        """Environments that are there, by name."""
        if not folder.is_dir():
            return {}
        found = {name: self._builder.find(*_files(each, folder)) for name, each in manifest.environments.items()}
        return {name: environment for name, environment in found.items() if environment}

    def _environments(self, *extensions: InstalledExtension) -> set[str]:
        found = [self._found(extension.manifest, extension.folder) for extension in extensions]
        return {environment.digest for each in found for environment in each.values()}

    def _workflow(self, extension: InstalledExtension, name: str) -> InstalledWorkflow:
        manifest = extension.manifest
        return InstalledWorkflow(
            name=f"{manifest.name}/{name}",
            version=manifest.version,
            digest=extension.digest,
            workflow=manifest.workflows[name],
            folder=extension.folder,
            environments=self._found(manifest, extension.folder),
            state=extension.state,
            error=extension.error,
            maturity=manifest.maturity,
            licence=manifest.licence,
            citation=manifest.citation,
        )


def _files(environment: Environment, folder: Path) -> tuple[Path, Path | None]:
    return folder / environment.requirements, folder / environment.overrides if environment.overrides else None


def _row(session: Session, extension_id: str) -> ExtensionRow:
    row = session.get(ExtensionRow, extension_id)
    if row is None:
        raise NotFound("There is no such extension on this site.")
    return row


def _same_version(session: Session, manifest: Manifest) -> ExtensionRow | None:
    query = select(ExtensionRow).where(ExtensionRow.name == manifest.name, ExtensionRow.version == manifest.version)
    return session.scalar(query)


def _other_content(manifest: Manifest) -> StateConflict:
    return StateConflict(
        f"The extension {manifest.name} {manifest.version} is installed with other content.",
        remedy="Give the changed extension a new version in its extension.toml, or remove the installed one first.",
    )


def _refuse_while_used(session: Session, name: str, version: str) -> None:
    query = select(RunRow.id).where(
        RunRow.workflow.startswith(f"{name}/", autoescape=True),
        RunRow.version == version,
        RunRow.state.not_in(FINAL_RUN_STATES),
    )
    runs = session.scalars(query.limit(10)).all()
    if runs:
        raise StateConflict(
            f"Runs that are not over use the extension {name} {version}.",
            remedy="Wait for them, or cancel them, then remove the extension.",
            runs=list(runs),
        )
