#!/bin/sh
# Print the name of a Python that can set up the project: the given one, or the first suitable one.
set -u

recent='import sys; sys.exit(sys.version_info < (3, 11))'
for python in ${1:-python3.13 python3.12 python3.14 python3.11 python3 python}; do
	"$python" -c "$recent" 2>/dev/null || continue
	if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
		echo "$python"
		exit 0
	fi
	no_venv=${no_venv:-$python}
done

if [ -n "${no_venv:-}" ]; then
	echo "$no_venv has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2
else
	echo "Python 3.11 or newer was not found; install it, or name it: make PYTHON=/path/to/python3" >&2
fi
exit 1
