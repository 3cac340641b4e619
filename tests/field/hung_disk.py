"""A disk that stops answering: what asks it waits for ever, as on a drive of the network that is gone."""

from __future__ import annotations

from pathlib import Path

from tests.field.laid_before import laid_before

# Laid before the system's library. Whoever asks for something below HUNG_FOLDER waits as long as HUNG_SINCE is there.
_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void wait_for_the_disk(const char *path) {
    const char *folder = getenv("HUNG_FOLDER"), *since = getenv("HUNG_SINCE");
    if (!folder || !since || !path || strncmp(path, folder, strlen(folder)) != 0) return;
    while (access(since, F_OK) == 0) usleep(20000);
}
#define ASKING(name, kind) \\
    int name(const char *path, struct kind *found) { \\
        wait_for_the_disk(path); \\
        int (*real)(const char *, struct kind *) = dlsym(RTLD_NEXT, #name); \\
        return real(path, found); \\
    }
ASKING(stat, stat)
ASKING(lstat, stat)
ASKING(stat64, stat64)
ASKING(lstat64, stat64)
"""


def hung_disk(folder: Path, scratch: Path) -> tuple[dict[str, str], Path]:
    """Return the variables of a process for which this folder hangs, and the file whose being there makes it hang."""
    since = scratch / "hangs"
    return laid_before(_SOURCE, scratch, "hung") | {
        "HUNG_FOLDER": str(folder),
        "HUNG_SINCE": str(since),
    }, since
