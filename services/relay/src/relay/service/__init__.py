"""What relay can do."""
