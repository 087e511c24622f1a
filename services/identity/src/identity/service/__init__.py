"""What identity can do: sign up, sign in, keep sessions, write mails."""
