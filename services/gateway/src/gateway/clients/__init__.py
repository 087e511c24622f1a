"""How the services are asked: pooled connections, streaming both ways, WebSockets passed through."""
