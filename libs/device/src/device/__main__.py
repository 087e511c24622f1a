"""`python -m device`: simulated devices with the real protocol code, one sub-command per kind."""

import typer

from device import camera_command, fleet_command, reach_command, server_command

app = typer.Typer(no_args_is_help=True, help="The other end of the wire.")
app.add_typer(camera_command.app, name="camera")
app.add_typer(fleet_command.app, name="fleet")
app.add_typer(server_command.app, name="server")
app.add_typer(reach_command.app, name="reach")

if __name__ == "__main__":
    app()
