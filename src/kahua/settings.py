"""Every setting of a site, in one table.

A setting is, from strongest to weakest, an option of the command line, an environment variable
``KAHUA_<NAME>``, a key of ``kahua.toml`` in the data folder, or its default. Nothing else in Kahua
reads the environment or the file.
"""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from kahua.errors import MisconfiguredSite

MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(gt=0)]


class Settings(BaseSettings):
    """What can be set; the description of each field is its sentence in the reference."""

    model_config = SettingsConfigDict(
        env_prefix="KAHUA_",
        extra="forbid",
        frozen=True,
        validate_default=True,
        nested_model_default_partial_update=False,
    )

    data_dir: Path = Field(Path("kahua-data"), description="Folder that holds everything this site keeps.")
    site_name: str = Field("Kahua", min_length=1, max_length=64, description="What people call this site.")

    host: str = Field("127.0.0.1", description="Address on which the web interface listens.")
    port: Port = Field(8080, description="Port of the web interface; 0 takes a free one.")
    public_url: str | None = Field(
        None, description="Address under which people reach the site, if a proxy stands before it."
    )
    tls_certificate: Path | None = Field(None, description="PEM file with the certificate chain of the web interface.")
    tls_key: Path | None = Field(None, description="PEM file with the private key of that certificate.")

    dicom_host: str = Field("127.0.0.1", description="Address on which the DICOM receiver listens.")
    dicom_port: Port = Field(11112, description="Port of the DICOM receiver; 0 takes a free one.")
    dicom_tls_port: Port | None = Field(
        None, description="Port of the DICOM receiver for TLS, beside the other; 0 takes a free one."
    )
    dicom_tls_certificate: Path | None = Field(
        None, description="PEM file with the certificate chain of this site's DICOM applications."
    )
    dicom_tls_key: Path | None = Field(None, description="PEM file with the private key of that certificate.")
    dicom_tls_ca: Path | None = Field(
        None,
        description="PEM file with the authorities for DICOM over TLS: callers must then have a certificate of theirs.",
    )
    dicom_ae_title: str = Field(
        "KAHUA", min_length=1, max_length=16, description="Application Entity title of this site."
    )
    dicom_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks from which DICOM is taken, besides this machine, such as 10.1.0.0/16."
    )
    dicom_unknown_ae: Literal["refuse", "default-project"] = Field(
        "default-project",
        description="Senders whose called AE title names no project: refused, or filed under the default project.",
    )
    dicom_unknown_peers: Literal["store", "refuse"] = Field(
        "store",
        description="DICOM applications that are no peers of the project: they may store (never query), or nothing.",
    )
    default_project: str = Field("main", description="Project that receives what names no project of its own.")
    dicom_max_associations: Positive = Field(64, description="DICOM associations open at once, in all.")
    dicom_max_associations_per_address: Positive = Field(
        16, description="DICOM associations open at once from one address."
    )
    dicom_max_pdu_bytes: Positive = Field(131_072, description="Largest PDU that the receiver announces and accepts.")
    dicom_idle_seconds: Positive = Field(60, description="An association that sends nothing for this long is closed.")
    plain_http_hosts: tuple[str, ...] = Field(
        (), description="Hosts, besides this machine, that the site may call without TLS."
    )
    outgoing_ca: Path | None = Field(
        None, description="PEM file with authorities that are trusted besides the system's when the site calls others."
    )
    durability: Literal["group", "object", "none"] = Field(
        "group",
        description="When an instance counts as safe: with its group, alone, or never (breaks the promise; for tests).",
    )

    key_file: Path | None = Field(
        None,
        description="File with the key that locks secrets in the database; site.key in the data folder, made at need.",
    )
    database_url: str | None = Field(
        None, description="Where rows are kept; SQLite in the data folder, or postgresql://…."
    )
    object_store: str = Field(
        "directory", description="Where bytes are kept: directory, which is in the data folder, or s3://BUCKET/PREFIX."
    )
    s3_endpoint: str | None = Field(None, description="Address of the S3 server; that of Amazon's region by default.")
    s3_region: str = Field("us-east-1", description="Region of the S3 server.")
    s3_access_key_id: str | None = Field(None, description="Access key for the S3 server.")
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of that access key.")
    s3_fetched_bytes: Positive = Field(
        8 * GIGABYTE, description="Most bytes of objects on S3 that one part of the site copies into staging at once."
    )

    max_object_bytes: Positive = Field(4 * GIGABYTE, description="Largest DICOM object that is accepted.")
    max_header_bytes: Positive = Field(
        64 * MEGABYTE, description="Largest DICOM header, all but the pixels, that is read."
    )
    max_elements: Positive = Field(200_000, description="Most data elements of one DICOM object.")
    max_sequence_depth: Positive = Field(32, description="Deepest nesting of sequences in one DICOM object.")
    max_inflated_bytes: Positive = Field(2 * GIGABYTE, description="Most bytes into which a deflated object may grow.")
    max_archive_entries: Positive = Field(200_000, description="Most files in one uploaded archive.")
    max_archive_bytes: Positive = Field(
        200 * GIGABYTE, description="Most bytes into which an uploaded archive may grow."
    )
    max_quarantine_bytes: Positive = Field(
        20 * GIGABYTE, description="Most bytes of refused objects that are kept; of those beyond, only the reason is."
    )
    max_frame_bytes: Positive = Field(512 * MEGABYTE, description="Largest decoded frame.")
    decode_seconds: Positive = Field(10, description="Longest time for decoding one frame.")
    min_free_bytes: Positive = Field(
        500 * MEGABYTE, description="The site accepts nothing more when less than this is free."
    )

    sourced_bytes: Positive = Field(
        50 * GIGABYTE,
        description="Most bytes of images that are kept for a while only, being at a peer; the oldest go first.",
    )

    trash_days: Annotated[int, Field(ge=0)] = Field(
        30, description="Days for which what was deleted can be brought back; 0 erases it at once."
    )

    workitem_days: Positive = Field(
        90, description="Days after which workitems that ended are removed, unless a subscriber wants them longer."
    )

    session_hours: Positive = Field(12, description="A browser session ends after this many hours without use.")
    max_json_bytes: Positive = Field(8 * MEGABYTE, description="Largest JSON body of a request.")

    worker_cpus: Positive | None = Field(
        None, description="Processors that tasks may use; all of the machine's by default."
    )
    worker_memory_bytes: Positive | None = Field(
        None, description="Memory that tasks may use; the machine's, less 2 GB for the site, by default."
    )
    worker_gpus: Annotated[int, Field(ge=0)] = Field(0, description="GPUs that tasks may use.")
    sandbox: Literal["auto", "bubblewrap", "none"] = Field(
        "auto", description="What shuts tasks in: bubblewrap where it works (auto), always, or never."
    )
    task_log_bytes: Positive = Field(20 * MEGABYTE, description="Longest log that one attempt may write.")
    cache_bytes: Positive = Field(
        50 * GIGABYTE,
        description="Most bytes of conversions that are kept to be used again; those not used for longest go first.",
    )
    log_bytes: Positive = Field(
        100 * MEGABYTE, description="Longest log of each part of the site; the one before is kept beside it."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least grave event that is logged."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: command line, environment, config file."""
        folder = Path(str(init_settings().get("data_dir") or env_settings().get("data_dir") or "kahua-data"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, folder / "kahua.toml")

    @property
    def url(self) -> str:
        """Address that people type to reach the site."""
        scheme = "https" if self.tls_certificate else "http"
        return self.public_url or f"{scheme}://{self.host}:{self.port}"

    def folder(self, name: str) -> Path:
        """Place of one kind of data below the data folder, by absolute path; not created."""
        return self.data_dir.resolve() / name


def load_settings(**options: object) -> Settings:
    """Read the settings, with those options of the command line that were given (not None).

    Raises
    ------
    MisconfiguredSite
        A setting is unknown or has a value that it cannot have, or the file cannot be read.
    """
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise MisconfiguredSite(
            f"The setting {name} is not valid: {first['msg']}.",
            setting=name,
            remedy=f"Correct it in kahua.toml, in KAHUA_{name.upper()} or on the command line.",
        ) from error
    except (TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise MisconfiguredSite(
            f"The file kahua.toml in the data folder cannot be read: {error}.",
            setting="kahua.toml",
            remedy='Write a line `name = value` for each setting, for example `site_name = "Ward 7"`.',
        ) from error
    except SettingsError as error:  # a variable that should hold a list, and is no JSON
        raise MisconfiguredSite(
            f"An environment variable is not valid: {error}.",
            setting="environment",
            remedy="A list is written as JSON, for example KAHUA_DICOM_NETWORKS='[\"10.1.0.0/16\"]'.",
        ) from error


def process_environment() -> dict[str, str]:
    """Environment of this process, for child processes of the site itself; tasks get none of it."""
    return dict(os.environ)  # noqa: TID251 - this module is the one reader of the environment
