"""``kahua user``: the people of a site."""

from typing import Annotated

import typer

from kahua.access import change_user, create_link, create_token, create_user, get_user, list_users, local_principal
from kahua.cli.output import Context, JsonOption, confirm, say, show
from kahua.cli.service import web_address

app = typer.Typer(name="user", help="The people of a site.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name to sign in with.")]


@app.command("list")
def list_all(context: typer.Context, as_json: JsonOption = False) -> None:
    """List everybody."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {
                "name": user.name,
                "display_name": user.display_name,
                "administrator": user.is_administrator,
                "active": user.is_active,
                "last_sign_in": user.last_sign_in_at,
            }
            for user in list_users(session)
        ]
    show(rows, as_json=as_json, empty="There is nobody yet: `kahua user add NAME`.")


@app.command()
def add(
    context: typer.Context,
    name: NameArgument,
    display_name: Annotated[str, typer.Option(help="Name to show.")] = "",
    administrator: Annotated[bool, typer.Option("--administrator", help="May manage the site.")] = False,
) -> None:
    """Add a person and print the link with which they sign in the first time."""
    options: Context = context.obj
    actor = local_principal().name
    with options.site() as site:
        with site.database.write() as session:
            create_user(session, actor=actor, name=name, display_name=display_name, is_administrator=administrator)
            secret = create_link(session, actor=actor, name=name)
        say(f"{web_address(site.settings)}/sign-in#token={secret}")


@app.command()
def link(context: typer.Context, name: NameArgument) -> None:
    """Print a link that signs a person in once, within 24 hours: the way back in after a lost password."""
    options: Context = context.obj
    with options.site() as site:
        with site.database.write() as session:
            secret = create_link(session, actor=local_principal().name, name=name)
        say(f"{web_address(site.settings)}/sign-in#token={secret}")


@app.command()
def token(
    context: typer.Context,
    name: NameArgument,
    label: Annotated[str, typer.Option(help="What the token is for.")] = "command line",
    days: Annotated[int, typer.Option(min=1, max=366, help="Days until it ends.")] = 30,
) -> None:
    """Print a new API token of a person; it is shown only now."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        _, secret = create_token(session, user_id=get_user(session, name).id, label=label, days=days)
    say(secret)


@app.command()
def deactivate(
    context: typer.Context,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
) -> None:
    """Shut a person out at once: sessions, tokens and links end."""
    options: Context = context.obj
    confirm(f"Shut {name} out of the site?", yes=yes)
    with options.site() as site, site.database.write() as session:
        change_user(session, actor=local_principal().name, name=name, is_active=False)


@app.command()
def activate(context: typer.Context, name: NameArgument) -> None:
    """Let a person sign in again."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        change_user(session, actor=local_principal().name, name=name, is_active=True)
