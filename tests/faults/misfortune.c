/* Preloaded into a server: what it writes to files can fail, and its wall clock can jump.
 *
 * The file named by MISFORTUNE holds two numbers of 64 bits, and may change at any time: the seconds
 * by which the wall clock is off, and the errno with which writing fails, or 0. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *misfortune;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void look(void) {
    const char *path = getenv("MISFORTUNE");
    int fd = path ? open(path, O_RDONLY) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) misfortune = map;
    if (fd >= 0) close(fd);
}

static int64_t off(void) { return misfortune ? misfortune[0] : 0; }

static int fails(int fd) {
    struct stat status;
    if (!misfortune || !misfortune[1]) return 0;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode)) return 0;
    errno = (int)misfortune[1];
    return 1;
}

ssize_t write(int fd, const void *data, size_t size) {
    return fails(fd) ? -1 : REAL(write)(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return fails(fd) ? -1 : REAL(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fails(fd) ? -1 : REAL(pwrite64)(fd, data, size, at);
}
int ftruncate(int fd, off_t size) { return fails(fd) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails(fd) ? -1 : REAL(ftruncate64)(fd, size); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = REAL(clock_gettime)(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += off();
    return result;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = REAL(gettimeofday)(now, zone);
    now->tv_sec += off();
    return result;
}
time_t time(time_t *now) {
    time_t moment = REAL(time)(NULL) + off();
    if (now) *now = moment;
    return moment;
}
