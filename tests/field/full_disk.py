"""A disk that is full from one certain write on: so many are taken, and then none until there is room again."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.field.laid_before import laid_before

# Laid before the system's library. A write to a file of FULL_FOLDER is counted, and so is the making of one there.
_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* The first write that is refused, 0 for none; how many there were; how many of these were refused. */
struct Room { int64_t first_refused, seen, refused; };
static struct Room *room;
static const char *folder;

#define REAL(kind, name) static kind; if (!real) real = dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void look(void) {
    const char *path = getenv("FULL_ROOM");
    folder = getenv("FULL_FOLDER");
    if (!path || !folder) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *at = mmap(0, sizeof(struct Room), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) room = at;
}
static int refuses(void) {
    int64_t seen = __sync_add_and_fetch(&room->seen, 1);
    if (!room->first_refused || seen < room->first_refused) return 0;
    __sync_add_and_fetch(&room->refused, 1);
    errno = ENOSPC;
    return 1;
}
static int is_below(const char *path) { return !strncmp(path, folder, strlen(folder)); }
static int is_full(int fd) {
    struct stat found;
    char name[32], path[4096];
    if (!room || fstat(fd, &found) || !S_ISREG(found.st_mode)) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t letters = readlink(name, path, sizeof path - 1);
    if (letters < 0) return 0;
    path[letters] = 0;
    return is_below(path) && refuses();
}
static int is_full_for(const char *path, int flags) {
    char whole[4096];
    if (!room || !(flags & O_CREAT) || access(path, F_OK) == 0) return 0;
    if (path[0] != '/' && getcwd(whole, 2000) && strlen(path) < 2000) {
        strcat(strcat(whole, "/"), path);
        path = whole;
    }
    return is_below(path) && refuses();
}

ssize_t write(int fd, const void *from, size_t size) {
    REAL(ssize_t (*real)(int, const void *, size_t), "write");
    return is_full(fd) ? -1 : real(fd, from, size);
}
ssize_t writev(int fd, const struct iovec *from, int pieces) {
    REAL(ssize_t (*real)(int, const struct iovec *, int), "writev");
    return is_full(fd) ? -1 : real(fd, from, pieces);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    REAL(ssize_t (*real)(int, const void *, size_t, off_t), "pwrite");
    return is_full(fd) ? -1 : real(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    REAL(ssize_t (*real)(int, const void *, size_t, off64_t), "pwrite64");
    return is_full(fd) ? -1 : real(fd, from, size, at);
}
int posix_fallocate(int fd, off_t at, off_t size) {
    REAL(int (*real)(int, off_t, off_t), "posix_fallocate");
    return is_full(fd) ? ENOSPC : real(fd, at, size);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int (*real)(const char *, mode_t), "mkdir");
    return is_full_for(path, O_CREAT) ? -1 : real(path, mode);
}
#define OPENING(name) \\
    int name(const char *path, int flags, ...) { \\
        REAL(int (*real)(const char *, int, ...), #name); \\
        va_list more; va_start(more, flags); \\
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; va_end(more); \\
        return is_full_for(path, flags) ? -1 : real(path, flags, mode); \\
    }
OPENING(open)
OPENING(open64)
"""
_ROOM = struct.Struct("qqq")


class FullDisk:
    """`environment` are the variables of a process whose writes below the folder are counted, and may be refused."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        before = laid_before(_SOURCE, scratch, "full")
        room = scratch / "room"
        room.write_bytes(bytes(_ROOM.size))
        with room.open("r+b") as file:
            self._room = mmap.mmap(file.fileno(), _ROOM.size)
        self.environment = {
            **before,
            "FULL_FOLDER": str(folder),
            "FULL_ROOM": str(room),
            # What Python compiles lies elsewhere, and is written when it likes.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @contextmanager
    def full_from(self, write: int) -> Iterator[None]:
        """For the time of a block: this write is refused, counted from 1, and all that follow."""
        _ROOM.pack_into(self._room, 0, write, 0, 0)
        try:
            yield
        finally:
            self.make_room()

    def make_room(self) -> None:
        """All is written again, also before a block ends."""
        struct.pack_into("q", self._room, 0, 0)

    @property
    def seen(self) -> int:
        """How many writes there were in the last block, and since."""
        return int(_ROOM.unpack_from(self._room)[1])

    @property
    def refused(self) -> int:
        """How many writes were refused in the last block."""
        return int(_ROOM.unpack_from(self._room)[2])
