"""How the outside is reached: the mail server."""
