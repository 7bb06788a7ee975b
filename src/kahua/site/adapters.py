"""The database and the object store that the settings choose."""

from kahua.database import Database
from kahua.errors import MisconfiguredSite
from kahua.settings import Settings
from kahua.store import DirectoryStore, ObjectStore
from kahua.store.moving import PlacedStore
from kahua.store.objects import FetchedFiles
from kahua.store.vault import Vault


def open_vault(settings: Settings) -> Vault:
    """Give what locks secrets in the database."""
    return Vault(settings.key_file or settings.folder("site.key"))


def open_database(settings: Settings) -> Database:
    """Open the database of a site."""
    durable = settings.durability != "none"
    if settings.database_url:
        return Database(settings.database_url, durable=durable)
    return Database.in_folder(settings.data_dir, durable=durable)


def open_objects(settings: Settings, database: Database) -> PlacedStore:
    """Make the object store of a site, which opens the place that the database names when it is used."""
    return PlacedStore(
        database=database,
        default=settings.object_store,
        open_store=lambda place: open_object_store(settings, place),
    )


def open_object_store(settings: Settings, place: str) -> ObjectStore:
    """Open the object store at a place, written as in the setting ``object_store``.

    Raises
    ------
    MisconfiguredSite
        There is no such place, or what is needed to reach it is missing.
    """
    if place == "directory":
        return DirectoryStore(
            settings.folder("objects"), durability="none" if settings.durability == "none" else "full"
        )
    scheme, _, rest = place.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise MisconfiguredSite(
            f"Objects cannot be kept at {place}.",
            setting="object_store",
            remedy="Write s3://BUCKET/PREFIX, or directory: objects are then kept in the data folder.",
        )
    return _s3_store(settings, bucket, prefix.strip("/"))


def _s3_store(settings: Settings, bucket: str, prefix: str) -> ObjectStore:
    if not settings.s3_access_key_id or settings.s3_secret_access_key is None:
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
