"""What the gateway can do: admit, tell what changed, describe the API."""
