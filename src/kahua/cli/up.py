"""``kahua up``: a whole site in one command."""

from pathlib import Path
from typing import Annotated

import typer

from kahua.cli.output import Context, errors, say
from kahua.settings import Settings
from kahua.site import prepare_site


def up(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address of the web interface.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the web interface; 0 takes a free one.")] = None,
    dicom_port: Annotated[int | None, typer.Option(help="Port of the DICOM receiver; 0 takes a free one.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="Certificate of the web interface (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
) -> None:
    """Start a site and keep it running until Ctrl-C."""
    from kahua.cli.supervisor import Supervisor  # late: it loads the whole site, which other commands need not

    options: Context = context.obj
    settings = options.settings(
        host=host, port=port, dicom_port=dicom_port, tls_certificate=tls_certificate, tls_key=tls_key
    )
    link = prepare_site(settings)
    supervisor = Supervisor(settings, tell=lambda text: errors.print(text, style="yellow", markup=False))
    try:
        supervisor.start()
        greet(supervisor.settings, link)
        supervisor.run()
    finally:
        supervisor.stop()


def greet(settings: Settings, link: str | None) -> None:
    """Say where the site is, and how to get in the first time."""
    say(f"{settings.site_name} is running.")
    say(f"  Web    {settings.url}")
    say(f"  DICOM  {settings.dicom_ae_title}@{settings.dicom_host}:{settings.dicom_port}")
    say(f"  Data   {settings.data_dir.resolve()}")
    if link:
        say("\nSign in with this link; it works once and for 24 hours:")
        say(f"  {settings.url}/sign-in#token={link}")
    say("\nCtrl-C stops it.")
