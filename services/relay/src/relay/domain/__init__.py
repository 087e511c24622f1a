"""What is true and allowed in remote access: on-site servers, sessions, the meter and the allowance."""
