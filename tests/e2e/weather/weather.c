/*
 * Weather for a server under test: a slow, full, broken or read-only disk under its store, and a clock that is wrong.
 *
 * Loaded with LD_PRELOAD. What the weather is stands in a file of 64-bit numbers that the test writes and that is mapped
 * here (ACCREDIT_WEATHER); all zero is fine weather. Only files whose name holds `accredit.db` feel the disk's weather.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* INVARIANT: the order of `Sky` in src/chaos/weather.rs. */
enum { CLOCK_AHEAD, FLUSH_MILLIS, WRITE_FAULT, FLUSH_FAULT, OPEN_FAULT, PLACES };

static volatile int64_t *told;
static int turn;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("ACCREDIT_WEATHER");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(0, PLACES * sizeof *told, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED) told = map;
}

static int64_t tell(int place) { return told ? told[place] : 0; }

static int is_store(int file) {
    char link[40], name[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length <= 0) return 0;
    name[length] = 0;
    return strstr(name, "accredit.db") != 0;
}

static void doze(int64_t millis) {
    struct timespec left = {millis / 1000, millis % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

/* How much of a write arrives. A disk does not fill up between two writes: every other one is cut in half before. */
static ssize_t arrives(int file, size_t bytes) {
    int64_t fault = tell(WRITE_FAULT);
    if (fault == 0 || !is_store(file)) return bytes;
    if (bytes > 1 && __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 2 == 0) return bytes / 2;
    errno = fault;
    return -1;
}

ssize_t write(int file, const void *from, size_t bytes) {
    ssize_t some = arrives(file, bytes);
    return some < 0 ? -1 : syscall(SYS_write, file, from, (size_t)some);
}

ssize_t pwrite64(int file, const void *from, size_t bytes, off64_t at) {
    ssize_t some = arrives(file, bytes);
    return some < 0 ? -1 : syscall(SYS_pwrite64, file, from, (size_t)some, at);
}

ssize_t pwrite(int file, const void *from, size_t bytes, off_t at) { return pwrite64(file, from, bytes, at); }

static int grows(int file) {
    int64_t fault = tell(WRITE_FAULT);
    if (fault == 0 || !is_store(file)) return 0;
    errno = fault;
    return -1;
}

int ftruncate64(int file, off64_t bytes) { return grows(file) ? -1 : syscall(SYS_ftruncate, file, bytes); }

int ftruncate(int file, off_t bytes) { return ftruncate64(file, bytes); }

static int syncs(int file) {
    int64_t millis = tell(FLUSH_MILLIS), fault = tell(FLUSH_FAULT);
    if ((millis == 0 && fault == 0) || !is_store(file)) return 0;
    doze(millis);
    if (fault == 0) return 0;
    errno = fault;
    return -1;
}

int fdatasync(int file) { return syncs(file) ? -1 : syscall(SYS_fdatasync, file); }

int fsync(int file) { return syncs(file) ? -1 : syscall(SYS_fsync, file); }

static int opens(int folder, const char *name, int how, mode_t mode) {
    int64_t fault = tell(OPEN_FAULT);
    int writes = (how & O_ACCMODE) != O_RDONLY;
    if (fault != 0 && writes && strstr(name, "accredit.db") != 0) {
        errno = fault;
        return -1;
    }
    return syscall(SYS_openat, folder, name, how, mode);
}

static mode_t mode_of(int how, va_list rest) {
    int makes = (how & O_CREAT) || (how & O_TMPFILE) == O_TMPFILE;
    return makes ? va_arg(rest, mode_t) : 0;
}

int open(const char *name, int how, ...) {
    va_list rest;
    va_start(rest, how);
    mode_t mode = mode_of(how, rest);
    va_end(rest);
    return opens(AT_FDCWD, name, how, mode);
}

int open64(const char *name, int how, ...) {
    va_list rest;
    va_start(rest, how);
    mode_t mode = mode_of(how, rest);
    va_end(rest);
    return opens(AT_FDCWD, name, how, mode);
}

int openat(int folder, const char *name, int how, ...) {
    va_list rest;
    va_start(rest, how);
    mode_t mode = mode_of(how, rest);
    va_end(rest);
    return opens(folder, name, how, mode);
}

int openat64(int folder, const char *name, int how, ...) {
    va_list rest;
    va_start(rest, how);
    mode_t mode = mode_of(how, rest);
    va_end(rest);
    return opens(folder, name, how, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (failed == 0 && clock == CLOCK_REALTIME) now->tv_sec += tell(CLOCK_AHEAD);
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (at) *at = exact.tv_sec;
    return exact.tv_sec;
}
