"""The command line. Each command has its own module, which the program imports only to run that command."""
