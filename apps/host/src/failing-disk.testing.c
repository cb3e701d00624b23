// Makes the disk of one directory fail while a test says so. A host has it by LD_PRELOAD, and the directory's real path in
// FAILING_DISK. While the file <directory>.sync is there, syncs of files in the directory fail; while <directory>.write
// is, writes do. Such a file says `<room> <errno> <end>`: so many syncs, or bytes, succeed before that error comes, and
// only files whose path ends so are meant. While <directory>.free is there, every disk has as many bytes left as it says.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static FILE *control_file(const char *fault) {
  char path[PATH_MAX];
  const char *directory = getenv("FAILING_DISK");
  snprintf(path, sizeof path, "%s.%s", directory ? directory : "", fault);
  return directory ? fopen(path, "re") : NULL;
}

/** How much of `wanted` succeeds now; for 0 errno is set. `taken` counts since the fault began. */
static long fits(int fd, const char *fault, long wanted, _Atomic long *taken) {
  char link[64], path[PATH_MAX] = "", end[64] = "";
  int before = errno, code = EIO;
  long room = 0;
  FILE *said = control_file(fault);
  errno = before;
  if (!said) {
    *taken = 0;
    return wanted;
  }
  int read = fscanf(said, "%ld %d %63s", &room, &code, end);
  fclose(said);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = before;
  const char *directory = getenv("FAILING_DISK");
  size_t tail = strlen(end);
  if (read < 2 || length < (ssize_t)tail || strncmp(path, directory, strlen(directory)) != 0) return wanted;
  if (strcmp(path + length - tail, end) != 0) return wanted;
  long left = room - (*taken += wanted) + wanted;
  if (left <= 0) errno = code;
  return left <= 0 ? 0 : left < wanted ? left : wanted;
}

static _Atomic long synced, written;

static ssize_t put(int fd, const void *bytes, size_t count, off64_t at, const char *name) {
  long room = count == 0 ? 0 : fits(fd, "write", (long)count, &written);
  if (room == 0 && count > 0) return -1;
  if (at < 0) return REAL(name, ssize_t (*)(int, const void *, size_t))(fd, bytes, room);
  return REAL(name, ssize_t (*)(int, const void *, size_t, off64_t))(fd, bytes, room, at);
}

int fsync(int fd) { return fits(fd, "sync", 1, &synced) ? REAL("fsync", int (*)(int))(fd) : -1; }
int fdatasync(int fd) { return fits(fd, "sync", 1, &synced) ? REAL("fdatasync", int (*)(int))(fd) : -1; }
ssize_t write(int fd, const void *bytes, size_t count) { return put(fd, bytes, count, -1, "write"); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return put(fd, bytes, count, at, "pwrite"); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return put(fd, bytes, count, at, "pwrite64"); }

int statfs64(const char *path, struct statfs64 *disk) {
  int result = REAL("statfs64", int (*)(const char *, struct statfs64 *))(path, disk);
  long room = 0;
  FILE *said = control_file("free");
  if (said && fscanf(said, "%ld", &room) == 1) disk->f_bavail = (fsblkcnt64_t)(room / disk->f_bsize);
  if (said) fclose(said);
  return result;
}
