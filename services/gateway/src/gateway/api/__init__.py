"""HTTP in: the front door, the event stream, and the gateway's own pages."""
