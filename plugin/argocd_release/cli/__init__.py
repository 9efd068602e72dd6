"""The command line. Each command has a module, which is only imported if the command is requested."""
