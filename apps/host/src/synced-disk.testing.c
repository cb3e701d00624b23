// Keeps what of one directory a power cut would leave: each file as it was when it was last synced, and only if the
// directory was synced since it was made. A host has it by LD_PRELOAD, and the directory's real path in SYNCED_DISK. What
// is left is in <directory>.synced, and files that no sync of the directory has named yet are in <directory>.synced/new:
// both must be there.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(int from, const char *to) {
  char partial[PATH_MAX + 8], path[64], bytes[1 << 16];
  snprintf(path, sizeof path, "/proc/self/fd/%d", from);
  snprintf(partial, sizeof partial, "%s.part", to);
  int in = open(path, O_RDONLY | O_CLOEXEC), out = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (ssize_t count; (count = read(in, bytes, sizeof bytes)) > 0;)
    if (write(out, bytes, count) != count) abort();
  close(in);
  close(out);
  if (rename(partial, to) != 0) abort();
}

static void keep(int fd) {
  static const char *const names[] = {"tidemark.db", "tidemark.db-wal", "commits"};
  const char *directory = getenv("SYNCED_DISK");
  char link[64], path[PATH_MAX] = "", kept[PATH_MAX], fresh[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (directory == NULL || readlink(link, path, sizeof path - 1) < 0) return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char own[PATH_MAX];
    snprintf(own, sizeof own, "%s/%s", directory, names[i]);
    snprintf(kept, sizeof kept, "%s.synced/%s", directory, names[i]);
    snprintf(fresh, sizeof fresh, "%s.synced/new/%s", directory, names[i]);
    if (strcmp(path, directory) == 0) rename(fresh, kept);
    if (strcmp(path, own) == 0) copy(fd, access(kept, F_OK) == 0 ? kept : fresh);
  }
}

int fsync(int fd) {
  int result = ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
  if (result == 0) keep(fd);
  return result;
}

int fdatasync(int fd) { return fsync(fd); }
