"""A site, built from its settings: the only place that chooses adapters."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy.orm import Session

from kahua.access import (
    AE_TITLE_PREFIX,
    Role,
    UserRow,
    create_link,
    create_token,
    create_user,
    ensure_first_administrator,
    ensure_project,
    find_project,
    get_user,
    local_principal,
    project_of_ae_title,
    record,
    set_role,
)
from kahua.access.tables import ProjectRow
from kahua.database import Database, forget_delivered, migrate
from kahua.datasets import note_end_of_delivery, note_end_of_pull, remove_expired_pulls
from kahua.datasets import subscriptions as dataset_subscriptions
from kahua.errors import InvalidInput, MisconfiguredSite, NotFound
from kahua.events import InstancesRemoved, Subscription
from kahua.extensions import Extensions, find_extension
from kahua.monitoring import (
    Check,
    Erasures,
    Finding,
    check_audit,
    check_disk,
    check_durability,
    check_installed,
    check_objects,
    check_outbox,
    check_sandbox,
    check_web,
)
from kahua.settings import Settings
from kahua.store import Archive, DirectoryStore, Exporter, ObjectStore, Peer, peer_with_title, peers_calling
from kahua.store.decoders import Decoders
from kahua.store.dimse import Caller, Destination, Receiver, Refusal, Rejection, Reporter, Route
from kahua.store.dimse.commitments import forget_old
from kahua.store.dimse.security import client_security
from kahua.store.objects import FetchedFiles
from kahua.store.pictures import Studio
from kahua.store.previews import Derivation
from kahua.store.remote.archive import ArchiveSource
from kahua.store.remote.deliverer import Deliverer
from kahua.store.remote.dicomweb import DicomwebSource
from kahua.store.remote.dimse import DimseSource
from kahua.store.remote.outgoing import CallRules, WebCaller
from kahua.store.remote.puller import Puller
from kahua.store.remote.source import ImageSource
from kahua.store.remote.target import DicomwebTarget, DimseTarget, ImageTarget
from kahua.store.remote.worklist import ScheduledStep, StepQuery, find_steps
from kahua.store.trash import empty_old
from kahua.store.validation.validator import Validator
from kahua.workflows import RunFolders, Runs, RunTraces, Transfers, machine_of
from kahua.workflows.engines import Engine
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.runtimes.process import ProcessRuntime
from kahua.workflows.runtimes.sandbox import choose_boundary
from kahua.workflows.transfers import keep_dicom_in

#: Folder with the built web interface: in a checkout beside the sources, in a wheel inside the package.
WEB_FOLDERS = (Path(__file__).parents[2] / "web" / "dist", Path(__file__).parent / "web")

#: Calling AE titles that begin so name the dataset to which the series are added.
DATASET_PREFIX = "kp-"

#: A file that a writer left unfinished for this long belongs to one that died.
LEFT_OVER_SECONDS = 86_400

#: Person as whom the demonstration works.
DEMO_USER = "demo"

#: Pictures that one process of the site draws at once.
MAX_DECODERS = 4

#: Series that one process of the site draws, or validates, at once.
MAX_DRAWERS = 2

#: Days for which the token of a demonstration works.
DEMO_DAYS = 1


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything that one process of a site works with; made once, shared by its threads."""

    settings: Settings
    database: Database
    objects: ObjectStore
    archive: Archive
    decoders: Decoders
    drawers: Decoders
    inspectors: Decoders
    extensions: Extensions
    runs: Runs

    @property
    def studio(self) -> Studio:
        """What draws and decodes frames of instances."""
        return Studio(decoders=self.decoders, objects=self.objects, settings=self.settings)

    def receiver(self) -> Receiver:
        """Make the receiver of DICOM; the caller starts and stops it."""
        return Receiver(self.settings, self.archive, self._route)

    def reporter(self) -> Reporter:
        """Make what delivers reports of storage commitment."""
        security = client_security(self.settings)
        return Reporter(self.database, self.objects, self._listens_at, security=security)

    def engine(self) -> Engine:
        """Make the engine that carries runs to their end; the caller starts and stops it."""
        return LocalEngine(
            database=self.database,
            runtime=ProcessRuntime(choose_boundary(self.settings.sandbox)),
            catalogue=self.extensions,
            transfers=Transfers(database=self.database, objects=self.objects, keep_dicom=keep_dicom_in(self.archive)),
            machine=machine_of(self.settings),
            folders=_run_folders(self.settings),
            cache=self.settings.folder("cache"),
            log_bytes=self.settings.task_log_bytes,
        )

    def derivation(self) -> Derivation:
        """Make what derives previews and metadata."""
        return Derivation(
            database=self.database,
            objects=self.objects,
            staging=self.archive.staging.folder,
            budget=self.archive.limits.budget,
            drawers=self.drawers,
        )

    def source(self, peer: Peer) -> ImageSource:
        """Make what asks a peer for images; the caller closes it.

        Raises
        ------
        InvalidInput
            It would be called in a way that the site does not allow.
        """
        if peer.kind == "dicomweb":
            return DicomwebSource(self._caller(peer), limits=self.archive.limits)
        with self.database.read() as session:
            project = session.get_one(ProjectRow, peer.project_id).name
        return DimseSource(
            destination=_reached(peer),
            calling=self.settings.dicom_ae_title,
            receiver=f"{AE_TITLE_PREFIX}{project}" if peer.retrieve == "move" else "",
            limits=self.archive.limits,
            security=client_security(self.settings) if peer.tls else None,
        )

    def worklist(self, peer: Peer, query: StepQuery) -> Iterator[ScheduledStep]:
        """Ask a peer for its modality worklist.

        Raises
        ------
        InvalidInput
            The peer is not called by DIMSE.
        PeerUnavailable
            It does not answer as it should.
        """
        security = client_security(self.settings) if peer.tls else None
        return find_steps(_reached(peer), query, calling=self.settings.dicom_ae_title, security=security)

    def puller(self) -> Puller:
        """Make what carries pulls out."""
        return Puller(database=self.database, archive=self.archive, source_of=self.source, ended=note_end_of_pull)

    def target(self, peer: Peer) -> ImageTarget:
        """Make what takes images to a peer; the caller closes it.

        Raises
        ------
        InvalidInput
            It would be called in a way that the site does not allow.
        """
        if peer.kind == "dicomweb":
            return DicomwebTarget(self._caller(peer))
        return DimseTarget(
            destination=Destination(ae_title=peer.ae_title, host=peer.host, port=peer.port or 0, tls=peer.tls),
            calling=self.settings.dicom_ae_title,
            security=client_security(self.settings) if peer.tls else None,
        )

    def deliverer(self) -> Deliverer:
        """Make what carries deliveries out."""
        return Deliverer(
            database=self.database,
            objects=self.objects,
            staging=self.archive.staging.folder,
            target_of=self.target,
            ended=note_end_of_delivery,
        )

    def own_source(self, project_id: str) -> ImageSource:
        """Make what asks for the images of a project that are here."""
        return ArchiveSource(
            database=self.database,
            objects=self.objects,
            project_id=project_id,
        )

    def _caller(self, peer: Peer) -> WebCaller:
        rules = CallRules.from_settings(self.settings)
        return WebCaller(peer.url, rules=rules, user_name=peer.user_name, secret=peer.secret)

    def validator(self) -> Validator:
        """Make what looks for what is wrong with series."""
        return Validator(
            database=self.database,
            objects=self.objects,
            staging=self.archive.staging.folder,
            budget=self.archive.limits.budget,
            inspectors=self.inspectors,
        )

    def erasures(self) -> Erasures:
        """Make what erases patients, studies and series with everything that the site keeps of them."""
        traces = RunTraces(folders=_run_folders(self.settings), cache=self.settings.folder("cache"))
        return Erasures(archive=self.archive, traces=[traces])

    def exporter(self) -> Exporter:
        """Make what writes the archives of exports."""
        return Exporter(database=self.database, objects=self.objects, staging=self.archive.staging.folder)

    def subscriptions(self) -> Sequence[Subscription]:
        """Give everything that wants to hear of events."""
        derivation = self.derivation()
        return [
            *dataset_subscriptions(self.database),
            derivation.subscription(),
            self.erasures().subscription(),
            Subscription(consumer="store.derivation", event=InstancesRemoved, handle=derivation.on_received),
            *self.validator().subscriptions(),
        ]

    def checks(self) -> Sequence[Check]:
        """Give everything that the doctor looks at."""
        return [
            lambda: check_disk(self.settings),
            lambda: check_durability(self.settings),
            lambda: check_outbox(self.database),
            lambda: check_web(web_folder()),
            lambda: check_objects(self.database, self.objects),
            lambda: check_audit(self.database),
            self._check_sandbox,
            lambda: check_installed(
                (f"{extension.manifest.name} {extension.manifest.version}", extension.state, extension.error)
                for extension in self.extensions.installed()
            ),
        ]

    def _check_sandbox(self) -> Iterable[Finding]:
        boundary = choose_boundary(self.settings.sandbox)
        return check_sandbox(boundary.reason, shut_in=boundary.name != "none")

    def tidy(self) -> None:
        """Remove what is not needed any more: objects of what was deleted, delivered events, left-over files."""
        empty_old(self.database, days=self.settings.trash_days)
        remove_expired_pulls(self.database)
        self.archive.collect()
        forget_delivered(self.database)
        forget_old(self.database)
        self.objects.clean(older_than_seconds=LEFT_OVER_SECONDS)

    def close(self) -> None:
        """Finish what waits and close the database."""
        self.archive.close()
        self.decoders.close()
        self.drawers.close()
        self.inspectors.close()
        self.database.close()

    def _route(self, caller: Caller) -> Route | Refusal:
        """Decide with which project a peer deals, and what it may do there: deny by default."""
        with self.database.read() as session:
            callers = peers_calling(session, caller.calling, caller.address)
            project = project_of_ae_title(session, caller.called)
            if project is None and (named := self._default_project(session, caller.called)) is not None:
                project = session.get(ProjectRow, callers[0].project_id) if callers else named
        if project is None:
            return Refusal(reason="The called AE title names no project.")
        peer = next((each for each in callers if each.project_id == project.id), None)
        if peer is None and (reason := self._reason_against_stranger(caller)):
            return Refusal(reason=reason, rejection=Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED)
        return self._route_of(peer, project.id, caller.calling)

    def _reason_against_stranger(self, caller: Caller) -> str:
        """Say why an application that the project does not know is refused; empty if it may store."""
        sender = ip_address(caller.address)
        is_near = sender.is_loopback or any(sender in network for network in self.settings.dicom_networks)
        if not is_near and not caller.is_certified:
            return "The sender's network is not among dicom_networks."
        return "The calling AE title is no peer's." if self.settings.dicom_unknown_peers == "refuse" else ""

    def _route_of(self, peer: Peer | None, project_id: str, calling: str) -> Route:
        if peer is None:
            return Route(project_id=project_id, dataset=_dataset_of(calling))
        return Route(
            project_id=project_id,
            dataset=_dataset_of(calling),
            may_store=peer.may_store,
            may_query=peer.may_query,
            may_get=not peer.deidentify,
            peer=peer.id,
            max_associations=peer.max_associations,
            destination=lambda title: self._destination(project_id, title),
            retrieved=lambda receiver, sent, failed: self._note_retrieval(peer, receiver, sent=sent, failed=failed),
        )

    def _destination(self, project_id: str, title: str) -> Destination | None:
        """Find where a C-MOVE sends; not where only what is de-identified may go, for that is `kahua send`."""
        with self.database.read() as session:
            peer = peer_with_title(session, project_id, title)
        return destination_of(peer) if peer is not None and not peer.deidentify else None

    def _listens_at(self, project_id: str, title: str) -> Destination | None:
        """Find where a peer takes reports of storage commitment."""
        with self.database.read() as session:
            peer = peer_with_title(session, project_id, title)
        return destination_of(peer) if peer is not None else None

    def _note_retrieval(self, peer: Peer, receiver: str, *, sent: int, failed: int) -> None:
        """Write what left the site into the audit log."""
        with self.database.write() as session:
            record(
                session,
                actor=f"peer {peer.name}",
                action="series.retrieved",
                subject=receiver,
                project_id=peer.project_id,
                instances=sent,
                failed=failed,
            )

    def _default_project(self, session: Session, called: str) -> ProjectRow | None:
        known = called.strip().upper() == self.settings.dicom_ae_title.upper()
        named = called.strip().lower().startswith(DATASET_PREFIX)  # a project that does not exist is never another one
        if named or (not known and self.settings.dicom_unknown_ae == "refuse"):
            return None
        return find_project(session, self.settings.default_project)


@dataclass(frozen=True, kw_only=True)
class DemoAccess:
    """What the demonstration needs to work on a site, as a manager of its default project."""

    project: str
    #: API token.
    token: str
    #: Secret of a sign-in link, for the person who watches.
    link: str


def build_site(settings: Settings) -> Site:
    """Build a site from its settings; the data folder must have been prepared."""
    database = _database(settings)
    objects = _objects(settings)
    extensions = Extensions(database=database, settings=settings)
    return Site(
        settings=settings,
        database=database,
        objects=objects,
        archive=Archive.from_settings(settings, database=database, objects=objects),
        decoders=Decoders("kahua.store.render", most=MAX_DECODERS),
        drawers=Decoders("kahua.store.drawing", most=MAX_DRAWERS),
        inspectors=Decoders("kahua.store.validation.inspection", most=MAX_DRAWERS),
        extensions=extensions,
        runs=Runs(
            database=database,
            catalogue=extensions,
            machine=machine_of(settings),
            folders=_run_folders(settings),
        ),
    )


def prepare_site(settings: Settings) -> str | None:
    """Make or upgrade what a site needs before it starts; return the first sign-in link's secret, if one is due.

    Raises
    ------
    MisconfiguredSite
        The site would be open to strangers, the data folder cannot be written, or the database is of another version.
    """
    check_exposure(settings)
    _make_data_folder(settings)
    database = _database(settings)
    try:
        migrate(database)
        with database.write() as session:
            ensure_project(session, name=settings.default_project)
            return ensure_first_administrator(session)
    finally:
        database.close()


def prepare_demo(settings: Settings, tell: Callable[[str], None]) -> DemoAccess:
    """Install the demonstration's extension and make a token for it."""
    site = build_site(settings)
    try:
        site.extensions.install(find_extension("brain-extraction"), actor=local_principal().name, progress=tell)
        with site.database.write() as session:
            user = _demo_user(session, project_id(session, settings.default_project))
            _, token = create_token(session, user_id=user.id, label="demonstration", days=DEMO_DAYS)
            link = create_link(session, actor=local_principal().name, name=user.name)
        return DemoAccess(project=settings.default_project, token=token, link=link)
    finally:
        site.close()


def check_exposure(settings: Settings) -> None:
    """Refuse to be open to strangers.

    Raises
    ------
    MisconfiguredSite
        The site would listen beyond this machine without TLS, or take DICOM from anybody.
    """
    if not _is_loopback(settings.host) and not (settings.tls_certificate and settings.tls_key):
        raise MisconfiguredSite(
            f"The web interface would listen on {settings.host} without TLS: passwords and images could be read.",
            setting="host",
            remedy="Give tls_certificate and tls_key, or listen on 127.0.0.1 behind a proxy that has TLS.",
        )
    wants_certificates = settings.dicom_tls_port is not None and settings.dicom_tls_ca is not None
    if not _is_loopback(settings.dicom_host) and not settings.dicom_networks and not wants_certificates:
        raise MisconfiguredSite(
            f"The DICOM receiver would listen on {settings.dicom_host} and take images from anybody.",
            setting="dicom_host",
            remedy='Name the networks of your senders, for example dicom_networks = ["10.1.0.0/16"], '
            "or give dicom_tls_port and dicom_tls_ca: only those with a certificate may then call.",
        )


def destination_of(peer: Peer) -> Destination | None:
    """Say where a peer listens; None if it is not called by DIMSE."""
    if peer.kind != "dimse" or not peer.port:
        return None
    return Destination(ae_title=peer.ae_title, host=peer.host, port=peer.port, tls=peer.tls)


def _reached(peer: Peer) -> Destination:
    destination = destination_of(peer)
    if destination is None:
        raise InvalidInput(f"The peer {peer.name} is not called by DIMSE.", field="kind")
    return destination


def project_id(session: Session, name: str) -> str:
    """Give the id of a project, for the operator of the machine, who may see all.

    Raises
    ------
    NotFound
        There is no such project.
    """
    project = find_project(session, name)
    if project is None:
        raise NotFound(f"There is no project {name}.", remedy="`kahua project list` shows all.")
    return project.id


def web_folder() -> Path:
    """Folder of the built web interface, whether or not it was built."""
    return next((folder for folder in WEB_FOLDERS if (folder / "index.html").is_file()), WEB_FOLDERS[0])


def _demo_user(session: Session, identity: str) -> UserRow:
    """Give the person of the demonstration, a manager of the default project; nobody else's password is touched."""
    actor = local_principal().name
    try:
        return get_user(session, DEMO_USER)
    except NotFound:
        user = create_user(session, actor=actor, name=DEMO_USER, display_name="Demonstration")
        set_role(session, actor=actor, project_id=identity, user_name=DEMO_USER, role=Role.MANAGER)
        return user


def _database(settings: Settings) -> Database:
    durable = settings.durability != "none"
    if settings.database_url:
        return Database(settings.database_url, durable=durable)
    return Database.in_folder(settings.data_dir, durable=durable)


def _objects(settings: Settings) -> ObjectStore:
    return _object_store(settings, settings.object_store)


def _object_store(settings: Settings, place: str | None) -> ObjectStore:
    """Open the object store at a place, written as in the setting ``object_store``.

    Raises
    ------
    MisconfiguredSite
        There is no such place, or what is needed to reach it is missing.
    """
    if not place:
        return DirectoryStore(
            settings.folder("objects"), durability="none" if settings.durability == "none" else "full"
        )
    scheme, _, rest = place.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise MisconfiguredSite(
            f"Objects cannot be kept at {place}.",
            setting="object_store",
            remedy="Write s3://BUCKET/PREFIX, or leave it out: objects are then kept in the data folder.",
        )
    return _s3_store(settings, bucket, prefix.strip("/"))


def _s3_store(settings: Settings, bucket: str, prefix: str) -> ObjectStore:
    if settings.s3_access_key_id is None or settings.s3_secret_access_key is None:
        raise MisconfiguredSite(
            "The access key of the object store is missing.",
            setting="s3_access_key_id",
            remedy="Give s3_access_key_id and s3_secret_access_key, best as environment variables.",
        )
    try:
        from kahua.store.objects.s3 import S3Store  # late: its library is an extra
    except ImportError as error:
        raise MisconfiguredSite(
            "Objects on S3 need a library that is not installed.",
            setting="object_store",
            remedy="Install Kahua with it: `pip install kahua[s3]`.",
        ) from error
    return S3Store(
        bucket,
        prefix,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        fetched=FetchedFiles(settings.folder("staging"), most_bytes=settings.s3_fetched_bytes),
    )


def _run_folders(settings: Settings) -> RunFolders:
    return RunFolders(settings.folder("runs"))


def _make_data_folder(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.data_dir / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise MisconfiguredSite(
            f"The data folder {settings.data_dir} cannot be written: {error.strerror}.",
            setting="data_dir",
            remedy="Give this user the right to write there, or name another folder with --data-dir.",
        ) from error


def _dataset_of(calling: str) -> str | None:
    title = calling.strip()
    return title[len(DATASET_PREFIX) :] or None if title.lower().startswith(DATASET_PREFIX) else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
