"""The command line: a table of commands. Only the module of the requested command is loaded."""
