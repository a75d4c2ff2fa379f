"""The command line: `commands` are the options, the files here do the work."""
