"""When and how learning runs: the thread, its windows, the loop, resuming; bulk training in `bulk/`."""
