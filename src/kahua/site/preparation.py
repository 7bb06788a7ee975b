"""What a site needs before it starts: a folder, tables, a first administrator, and no door open to strangers."""

from ipaddress import ip_address

from kahua.access import ensure_first_administrator, ensure_project
from kahua.database import migrate
from kahua.errors import MisconfiguredSite
from kahua.settings import Settings
from kahua.site.adapters import open_database, open_vault
from kahua.store import check_place, settle
from kahua.store.peers import lock_secrets


def prepare_site(settings: Settings) -> str | None:
    """Make or upgrade what a site needs before it starts; return the first sign-in link's secret, if one is due.

    Raises
    ------
    MisconfiguredSite
        The site would be open to strangers, the data folder cannot be written, the database is of another version, or
        the objects are at another place than the settings say.
    """
    check_exposure(settings)
    _make_data_folder(settings)
    database = open_database(settings)
    try:
        migrate(database)
        with database.write() as session:
            lock_secrets(session, open_vault(settings))
            settle(session, settings.object_store)
            check_place(session, settings.object_store)
            ensure_project(session, name=settings.default_project)
            return ensure_first_administrator(session)
    finally:
        database.close()


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


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
