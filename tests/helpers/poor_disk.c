/* A disk as shares are: no locks, no flushed folders, no modes. For LD_PRELOAD. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(int number) {
    errno = number;
    return -1;
}

static int locking(int command) {
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK;
}

/* glibc has it under two names. */
#define WITHOUT_LOCKS(name)                              \
    int name(int file, int command, ...) {               \
        va_list rest;                                    \
        va_start(rest, command);                         \
        void *argument = va_arg(rest, void *);           \
        va_end(rest);                                    \
        if (locking(command)) return refuse(ENOLCK);     \
        int (*real)(int, int, ...) = dlsym(RTLD_NEXT, #name); \
        return real(file, command, argument);            \
    }
WITHOUT_LOCKS(fcntl)
WITHOUT_LOCKS(fcntl64)

int fsync(int file) {
    struct stat about;
    if (!fstat(file, &about) && S_ISDIR(about.st_mode)) return refuse(EINVAL);
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return real(file);
}

int chmod(const char *path, mode_t mode) { return refuse(EPERM); }

int fchmodat(int folder, const char *path, mode_t mode, int flags) { return refuse(EPERM); }

int symlink(const char *target, const char *path) { return refuse(EPERM); }

int symlinkat(const char *target, int folder, const char *path) { return refuse(EPERM); }
