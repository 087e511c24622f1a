"""What is true of licences and their fees: plain data, no I/O, and time only as an argument."""
