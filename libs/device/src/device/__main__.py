"""`python -m device`: simulated devices with the real protocol code, one sub-command per kind."""

import typer

from device import camera_command, server_command

app = typer.Typer(no_args_is_help=True, help="The other end of the wire.")
app.add_typer(camera_command.app, name="camera")
app.add_typer(server_command.app, name="server")

if __name__ == "__main__":
    app()
