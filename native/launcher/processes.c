/* Processes of the system: whether they live, and which belong to a job. */
#include "platform.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "files.h"
#include "memory.h"
#include "processes.h"

#if defined(__linux__)
const char *read_stat(pid_t pid, char stat[static STAT_MAX]) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  int fd = open_retry(path, O_RDONLY, 0);
  if (fd < 0) return NULL;
  ssize_t size = read(fd, stat, STAT_MAX - 1);
  close(fd);
  stat[size > 0 ? size : 0] = '\0';
  const char *end = strrchr(stat, ')');
  return end != NULL && strlen(end) > 2 ? end : NULL;
}
#endif

bool process_start(pid_t pid, char start[static START_MAX]) {
#if defined(__APPLE__)
  struct kinfo_proc info;
  size_t size = sizeof info;
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  if (sysctl(name, 4, &info, &size, NULL, 0) != 0 || size == 0 || info.kp_proc.p_stat == SZOMB) return false;
  snprintf(start, START_MAX, "%lld", (long long)info.kp_proc.p_starttime.tv_sec);
  return true;
#else
  char stat[STAT_MAX];
  const char *field = read_stat(pid, stat);
  if (field == NULL || strchr("ZX", field[2]) != NULL) return false;
  for (int number = 2; number < 22; number++)
    if ((field = strchr(field + 1, ' ')) == NULL) return false;
  return sscanf(field, "%31s", start) == 1;
#endif
}

bool process_lives(pid_t pid, const char *start) {
  char found[START_MAX];
  return process_start(pid, found) && strcmp(found, start) == 0;
}

#if defined(__linux__)
/* Whether the process was started with XOSAGA_JOB_ID=<id>. */
static bool belongs_to(const char *pid, const char *mark) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
  FILE *environment = fopen(path, "re");
  if (environment == NULL) return false;
  char *entry = NULL;
  size_t capacity = 0;
  bool found = false;
  while (!found && getdelim(&entry, &capacity, '\0', environment) > 0) found = strcmp(entry, mark) == 0;
  free(entry);
  fclose(environment);
  return found;
}

static int kill_marked_once(const char *mark) {
  int killed = 0;
  DIR *processes = opendir("/proc");
  if (processes == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    pid_t pid = (pid_t)atol(entry->d_name);
    if (pid > 1 && pid != getpid() && belongs_to(entry->d_name, mark) && kill(pid, SIGKILL) == 0) killed++;
  }
  closedir(processes);
  return killed;
}
#endif

/* Looks again until a look finds none, as a dying process may have forked; a second does for all but the unkillable. */
void kill_marked(const char *id) {
#if defined(__linux__)
  size_t size = sizeof "XOSAGA_JOB_ID=" + strlen(id);
  char *mark = must(malloc(size));
  snprintf(mark, size, "XOSAGA_JOB_ID=%s", id);
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int round = 0; round < 1000 && kill_marked_once(mark) > 0; round++) nanosleep(&moment, NULL);
  free(mark);
#else
  (void)id; /* no way to read the environment of others: the process group must do */
#endif
}
