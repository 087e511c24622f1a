"""`python -m device`: simulated devices with the real protocol code, one sub-command per kind."""

import typer

from device import server_command

app = typer.Typer(no_args_is_help=True, help="The other end of the wire.")
app.add_typer(server_command.app, name="server")

if __name__ == "__main__":
    app()
