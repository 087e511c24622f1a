"""What is true and allowed about people, organisations, sign-in and sessions."""
