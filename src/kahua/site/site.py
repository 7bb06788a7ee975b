"""A site, built from its settings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from kahua.access import AE_TITLE_PREFIX
from kahua.database import Courier, Database, forget_delivered
from kahua.datasets import note_end_of_delivery, note_end_of_pull
from kahua.datasets import subscriptions as dataset_subscriptions
from kahua.events import Lane, Subscription
from kahua.extensions import Extensions
from kahua.logs import turn_over
from kahua.monitoring import (
    Check,
    Erasures,
    Finding,
    check_audit,
    check_contents,
    check_disk,
    check_durability,
    check_installed,
    check_left_over,
    check_objects,
    check_outbox,
    check_place_of_objects,
    check_quarantine,
    check_room,
    check_sandbox,
    check_secrets,
    check_web,
)
from kahua.settings import Settings
from kahua.site.adapters import open_database, open_object_store, open_objects, open_vault
from kahua.site.calls import Calls
from kahua.site.leaps import Leaps
from kahua.site.routing import Routing
from kahua.site.waits import end_long_waits
from kahua.site.web import web_folder
from kahua.store import Archive, Exporter, ObjectStore
from kahua.store.deletion.trash import empty_old
from kahua.store.dimse import Receiver, Reporter
from kahua.store.dimse.commitments import forget_old
from kahua.store.dimse.security import client_security
from kahua.store.moving import Mover, PlacedStore
from kahua.store.objects import RecallingStore
from kahua.store.pictures.decoders import Decoders
from kahua.store.pictures.instances import Studio
from kahua.store.pictures.previews import Derivation
from kahua.store.remote.deliverer import Deliverer
from kahua.store.remote.puller import Puller
from kahua.store.remote.recaller import Recaller
from kahua.store.remote.sourced import let_go_due
from kahua.store.validation.validator import Validator
from kahua.store.vault import Vault
from kahua.store.workitems.removal import remove_ended
from kahua.workflows import RunFolders, Runs, RunTraces, Transfers, machine_of
from kahua.workflows.cache import Cache
from kahua.workflows.engines import Engine
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.runtimes.process import ProcessRuntime
from kahua.workflows.runtimes.sandbox import choose_boundary
from kahua.workflows.transfers import keep_dicom_in
from kahua.workflows.workitems.outcomes import Station
from kahua.workflows.workitems.performer import Performer

#: A file that a writer left unfinished for this long belongs to one that died.
LEFT_OVER_SECONDS = 86_400

#: Pictures that one process of the site draws at once.
MAX_DECODERS = 4

#: Series that one process of the site draws, or validates, at once.
MAX_DRAWERS = 2

#: A series is drawn and validated when nothing more came for this long, not again and again while it comes.
SERIES_REST = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything that one process of a site works with; made once, shared by its threads."""

    settings: Settings
    database: Database
    #: The objects that are here, wherever the database says; `objects` brings others back when they are asked for.
    placed: PlacedStore
    objects: ObjectStore
    archive: Archive
    decoders: Decoders
    drawers: Decoders
    inspectors: Decoders
    extensions: Extensions
    runs: Runs
    leaps: Leaps = field(default_factory=Leaps)

    @property
    def studio(self) -> Studio:
        """What draws and decodes frames of instances."""
        return Studio(decoders=self.decoders, objects=self.objects, settings=self.settings)

    @property
    def calls(self) -> Calls:
        """What calls peers."""
        return Calls(
            settings=self.settings,
            database=self.database,
            limits=self.archive.limits,
            rewriter=self.studio.rewritten,
            vault=self.vault,
        )

    @property
    def vault(self) -> Vault:
        """What locks secrets in the database."""
        return open_vault(self.settings)

    @property
    def _routing(self) -> Routing:
        return Routing(settings=self.settings, database=self.database)

    def receiver(self) -> Receiver:
        """Make the receiver of DICOM; the caller starts and stops it."""
        return Receiver(self.settings, self.archive, self._routing.route, rewriter=self.studio.rewritten)

    def reporter(self) -> Reporter:
        """Make what delivers reports of storage commitment."""
        security = client_security(self.settings)
        return Reporter(self.database, self.objects, self._routing.listens_at, security=security)

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

    def performer(self) -> Performer:
        """Make what performs workitems by runs."""
        return Performer(
            database=self.database,
            runs=self.runs,
            catalogue=self.extensions,
            station_of=lambda project: Station(
                ae_title=f"{AE_TITLE_PREFIX}{project}"[:16],
                name=self.settings.site_name,
                address=f"{self.settings.url.rstrip('/')}/dicom-web/{project}",
            ),
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

    def puller(self) -> Puller:
        """Make what carries pulls out."""
        return Puller(database=self.database, archive=self.archive, source_of=self.calls.source, ended=note_end_of_pull)

    def deliverer(self) -> Deliverer:
        """Make what carries deliveries out."""
        return Deliverer(
            database=self.database,
            objects=self.objects,
            staging=self.archive.staging.folder,
            target_of=self.calls.target,
            ended=note_end_of_delivery,
        )

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

    def mover(self, tell: Callable[[str, int], None] = lambda _text, _folders: None) -> Mover:
        """Make what moves all objects to another place."""
        return Mover(
            database=self.database,
            default=self.settings.object_store,
            open_store=lambda place: open_object_store(self.settings, place),
            tell=tell,
        )

    def subscriptions(self) -> Sequence[Subscription]:
        """Give everything that wants to hear of events."""
        return [
            *dataset_subscriptions(self.database),
            self.erasures().subscription(),
            *self.derivation().subscriptions(),
            *self.validator().subscriptions(),
        ]

    def courier(self, lane: Lane) -> Courier:
        """Make what hands the events of a lane to their consumers."""
        return Courier(self.database, self.subscriptions(), lane, rest=SERIES_REST)

    def checks(self, *, thorough: bool = False) -> Sequence[Check]:
        """Give everything that the doctor looks at; a thorough one reads every object."""
        return [
            lambda: check_disk(self.settings),
            lambda: check_room(self.settings),
            lambda: check_durability(self.settings),
            lambda: check_quarantine(self.database, self.settings),
            lambda: check_outbox(self.database),
            lambda: check_web(web_folder()),
            lambda: check_objects(self.database, self.objects),
            lambda: check_left_over(self.objects),
            lambda: check_contents(self.database, self.placed) if thorough else (),
            lambda: check_place_of_objects(self.database, self.settings.object_store),
            lambda: check_secrets(self.database, self.vault),
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
        end_long_waits(self.database)
        if not self.leaps.is_in_doubt(self.database):
            empty_old(self.database, days=self.settings.trash_days)
            remove_ended(self.database, days=self.settings.workitem_days)
        let_go_due(self.database, most_bytes=self.settings.sourced_bytes)
        self.archive.collect()
        Cache(self.settings.folder("cache")).prune(most_bytes=self.settings.cache_bytes)
        turn_over(self.settings.folder("logs"), most_bytes=self.settings.log_bytes)
        forget_delivered(self.database)
        forget_old(self.database)
        self.objects.clean(older_than_seconds=LEFT_OVER_SECONDS)

    def stop_children(self) -> None:
        """End the processes that decode, draw and inspect, also in the midst of it."""
        for children in (self.decoders, self.drawers, self.inspectors):
            children.close()

    def close(self) -> None:
        """Finish what waits and close the database."""
        self.archive.close()
        self.stop_children()
        self.placed.close()
        self.database.close()


def build_site(settings: Settings) -> Site:
    """Build a site from its settings; the data folder must have been prepared."""
    database = open_database(settings)
    placed = open_objects(settings, database)
    objects = RecallingStore(placed)
    extensions = Extensions(database=database, settings=settings)
    site = Site(
        settings=settings,
        database=database,
        placed=placed,
        objects=objects,
        archive=Archive.from_settings(settings, database=database, objects=objects),
        decoders=Decoders("kahua.store.pictures.render", most=MAX_DECODERS),
        drawers=Decoders("kahua.store.pictures.drawing", most=MAX_DRAWERS),
        inspectors=Decoders("kahua.store.validation.inspection", most=MAX_DRAWERS),
        extensions=extensions,
        runs=Runs(
            database=database,
            catalogue=extensions,
            machine=machine_of(settings),
            folders=_run_folders(settings),
        ),
    )
    objects.recall = Recaller(database=database, archive=site.archive, source_of=site.calls.source).recall
    return site


def _run_folders(settings: Settings) -> RunFolders:
    return RunFolders(settings.folder("runs"))
