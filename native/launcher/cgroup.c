/* Memory cgroups, of either version, where an ordinary process may make one. */
#include "platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"
#include "memory.h"

static const struct cgroup NONE = {.processes = -1};

#if defined(__linux__)
/* What a version calls its files; the first three are needed, the others may be missing. */
struct version {
  const char *mount, *limit, *kills, *swap, *swap_limit, *together;
};

static const struct version versions[2] = {
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control", "memory.swappiness", "0", ""},
    {"/sys/fs/cgroup", "memory.max", "memory.events", "memory.swap.max", "0", "memory.oom.group"},
};

enum { DAY = 86400, PLACES = 2 };

/* Whether a line of /proc/self/cgroup, without its first field, is that of the memory controller. */
static bool has_memory(const char *controllers) {
  const char *colon = strchr(controllers, ':');
  for (const char *found = controllers; (found = strstr(found, "memory")) != NULL && found < colon; found++)
    if ((found == controllers || found[-1] == ',') && (found[6] == ',' || found[6] == ':')) return true;
  return false;
}

/* The directory of our own group, to be freed; NULL when there is none. */
static char *own_group(bool *unified) {
  FILE *groups = fopen("/proc/self/cgroup", "re");
  if (groups == NULL) return NULL;
  char *line = NULL, *own = NULL;
  size_t capacity = 0;
  while (own == NULL && getline(&line, &capacity, groups) > 0) {
    line[strcspn(line, "\n")] = '\0';
    const char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL) continue;
    *unified = strncmp(line, "0::", 3) == 0;
    if (*unified ? access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0 : !has_memory(controllers + 1)) continue;
    size_t size = strlen(versions[*unified].mount) + strlen(path + 1) + 1;
    own = must(malloc(size));
    snprintf(own, size, "%s%s", versions[*unified].mount, path + 1);
    while (own[strlen(own) - 1] == '/') own[strlen(own) - 1] = '\0';
  }
  free(line);
  fclose(groups);
  return own;
}

/* Where a group could be: below our own; with version 2, in which a group has either processes or groups, beside it. */
static long find_parents(char *parents[static PLACES], bool *unified) {
  char *own = own_group(unified);
  if (own == NULL) return 0;
  parents[0] = own;
  if (!*unified || strcmp(own, versions[1].mount) == 0) return 1;
  parents[1] = must(strdup(own));
  *strrchr(parents[1], '/') = '\0';
  return 2;
}

static char *join(const char *directory, const char *prefix, const char *name) {
  size_t size = strlen(directory) + strlen(prefix) + strlen(name) + 2;
  char *path = must(malloc(size));
  snprintf(path, size, "%s/%s%s", directory, prefix, name);
  return path;
}

static bool set(const char *group, const char *name, const char *value) {
  char *path = join(group, "", name);
  int file = open_retry(path, O_WRONLY, 0);
  free(path);
  if (file < 0) return false;
  bool done = write(file, value, strlen(value)) == (ssize_t)strlen(value);
  close(file);
  return done;
}

/* How many processes of the group were killed for want of memory; -1 when that is not told. */
static long kills(const char *group, bool unified) {
  char *path = join(group, "", versions[unified].kills), line[128];
  FILE *file = fopen(path, "re");
  free(path);
  if (file == NULL) return -1;
  long count = -1;
  while (count < 0 && fgets(line, sizeof line, file) != NULL) sscanf(line, "oom_kill %ld", &count);
  fclose(file);
  return count;
}

/* Those that nobody has removed. One that is not empty stays. */
static void sweep(const char *parent) {
  DIR *groups = opendir(parent);
  if (groups == NULL) return;
  for (struct dirent *entry; (entry = readdir(groups)) != NULL;) {
    if (strncmp(entry->d_name, "xosaga-", 7) != 0) continue;
    char *path = join(parent, "", entry->d_name);
    struct stat about;
    if (stat(path, &about) == 0 && about.st_mtime < time(NULL) - DAY) rmdir(path);
    free(path);
  }
  closedir(groups);
}

static struct cgroup make_in(const char *parent, const char *id, bool unified, const char *bytes) {
  struct cgroup cgroup = {.directory = join(parent, "xosaga-", id), .processes = -1, .unified = unified};
  const struct version *version = &versions[unified];
  sweep(parent);
  if (mkdir(cgroup.directory, 0700) == 0) {
    char *processes = join(cgroup.directory, "", "cgroup.procs");
    if (set(cgroup.directory, version->limit, bytes) && kills(cgroup.directory, unified) == 0)
      cgroup.processes = open_retry(processes, O_WRONLY, 0);
    free(processes);
    set(cgroup.directory, version->swap, version->swap_limit);
    if (*version->together != '\0') set(cgroup.directory, version->together, "1");
    if (cgroup.processes >= 0) return cgroup;
    rmdir(cgroup.directory);
  }
  free(cgroup.directory);
  return NONE;
}

struct cgroup make_cgroup(const char *id, long long limit) {
  struct cgroup cgroup = NONE;
  if (limit > LLONG_MAX / 1024 || strchr(id, '/') != NULL) return cgroup;
  char bytes[32], *parents[PLACES];
  snprintf(bytes, sizeof bytes, "%lld", limit * 1024);
  bool unified;
  long count = find_parents(parents, &unified);
  for (long i = 0; i < count; i++) {
    if (cgroup.directory == NULL) cgroup = make_in(parents[i], id, unified, bytes);
    free(parents[i]);
  }
  return cgroup;
}

bool enter_cgroup(const struct cgroup *cgroup) {
  return cgroup->directory == NULL || write(cgroup->processes, "0", 1) == 1;
}

bool ran_out_of_memory(const struct cgroup *cgroup) {
  return cgroup->directory != NULL && kills(cgroup->directory, cgroup->unified) > 0;
}

static void remove_directory(const char *directory) {
  const struct timespec moment = {.tv_nsec = 2000000};
  for (int round = 0; round < 100 && rmdir(directory) != 0 && errno == EBUSY; round++) nanosleep(&moment, NULL);
}

void remove_cgroup(struct cgroup *cgroup) {
  if (cgroup->directory == NULL) return;
  close(cgroup->processes);
  remove_directory(cgroup->directory);
  free(cgroup->directory);
  *cgroup = NONE;
}

void remove_cgroup_of(const char *id) {
  char *parents[PLACES];
  bool unified;
  long count = find_parents(parents, &unified);
  for (long i = 0; i < count; i++) {
    char *directory = join(parents[i], "xosaga-", id);
    remove_directory(directory);
    free(directory);
    free(parents[i]);
  }
}
#else
struct cgroup make_cgroup(const char *id, long long limit) { return (void)id, (void)limit, NONE; }

bool enter_cgroup(const struct cgroup *cgroup) { return (void)cgroup, true; }

bool ran_out_of_memory(const struct cgroup *cgroup) { return (void)cgroup, false; }

void remove_cgroup(struct cgroup *cgroup) { (void)cgroup; }

void remove_cgroup_of(const char *id) { (void)id; }
#endif
