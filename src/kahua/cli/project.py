"""``kahua project``: projects and their members."""

from typing import Annotated

import typer

from kahua.access import Role, create_project, list_members, local_principal, projects_of, remove_member, set_role
from kahua.cli import confidentiality
from kahua.cli.output import Context, JsonOption, show
from kahua.site import project_id

app = typer.Typer(name="project", help="Projects and their members.", no_args_is_help=True)
app.add_typer(confidentiality.app)

NameArgument = Annotated[str, typer.Argument(help="Name of the project.")]
UserArgument = Annotated[str, typer.Argument(help="Name of the user.")]
RoleArgument = Annotated[Role, typer.Argument(help="What the user may do there.")]


@app.command("list")
def list_all(context: typer.Context, as_json: JsonOption = False) -> None:
    """List all projects."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {
                "name": project.name,
                "title": project.title,
                "ae_title": f"kp-{project.name}",
                "created": project.created_at,
            }
            for project, _ in projects_of(session, local_principal())
        ]
    show(rows, as_json=as_json, empty="There is no project yet: `kahua project add NAME`.")


@app.command()
def add(
    context: typer.Context,
    name: NameArgument,
    title: Annotated[str, typer.Option(help="Title to show.")] = "",
    description: Annotated[str, typer.Option(help="What the project is about.")] = "",
) -> None:
    """Add a project; senders reach it under the AE title kp-NAME."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        create_project(session, actor=local_principal().name, name=name, title=title, description=description)


@app.command()
def members(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """List the members of a project and their roles."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {"name": user.name, "display_name": user.display_name, "role": str(role)}
            for user, role in list_members(session, project_id=project_id(session, name))
        ]
    show(rows, as_json=as_json, empty=f"Nobody is in {name} yet: `kahua project grant {name} USER ROLE`.")


@app.command()
def grant(context: typer.Context, name: NameArgument, user: UserArgument, role: RoleArgument) -> None:
    """Give a user a role in a project."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, name)
        set_role(session, actor=local_principal().name, project_id=identity, user_name=user, role=role)


@app.command()
def revoke(context: typer.Context, name: NameArgument, user: UserArgument) -> None:
    """Take a user out of a project, at once."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, name)
        remove_member(session, actor=local_principal().name, project_id=identity, user_name=user)
