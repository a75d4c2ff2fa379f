#!/bin/sh
# Python of the unpacked Debian by qemu. Python believes that this file is itself, so a worker is started the same way.
bin=$(dirname "$(readlink -f "$0")")
exec qemu-aarch64-static -0 "$bin/python" -L "$bin/../.." "$bin/python3.11" "$@"
