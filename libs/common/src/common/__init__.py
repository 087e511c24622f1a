"""Plumbing and promises shared by the services: no business rules live here."""
