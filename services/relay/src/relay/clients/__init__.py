"""How the outside is asked: coturn."""
