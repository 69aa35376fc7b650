/* What the processes of a job use. */
#include "platform.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory.h"
#include "processes.h"
#include "usage.h"

#if defined(__linux__)
struct pids {
  pid_t *list;
  size_t count, capacity;
};

static void add_children_of_thread(struct pids *pids, pid_t parent, const char *thread) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/task/%.20s/children", (long)parent, thread);
  FILE *children = fopen(path, "re");
  if (children == NULL) return;
  for (long pid; fscanf(children, "%ld", &pid) == 1;) {
    if (pids->count == pids->capacity) {
      pids->capacity = 2 * pids->capacity + 16;
      pids->list = must(realloc(pids->list, pids->capacity * sizeof *pids->list));
    }
    pids->list[pids->count++] = (pid_t)pid;
  }
  fclose(children);
}

static void add_children(struct pids *pids, pid_t parent) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%ld/task", (long)parent);
  DIR *threads = opendir(path);
  if (threads == NULL) return;
  for (struct dirent *entry; (entry = readdir(threads)) != NULL;)
    if (isdigit((unsigned char)entry->d_name[0])) add_children_of_thread(pids, parent, entry->d_name);
  closedir(threads);
}

static void add_usage(struct usage *usage, pid_t pid) {
  char stat[STAT_MAX];
  const char *fields = read_stat(pid, stat);
  unsigned long long ticks[4];
  long long pages;
  if (fields == NULL || sscanf(fields,
                               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu "
                               "%*d %*d %*d %*d %*u %*u %lld",
                               &ticks[0], &ticks[1], &ticks[2], &ticks[3], &pages) != 5)
    return;
  usage->cpu += (double)(ticks[0] + ticks[1] + ticks[2] + ticks[3]) / (double)sysconf(_SC_CLK_TCK);
  usage->memory += (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Orphans among them come to it, so that none is missed: see become_keeper(). */
struct usage usage_of_descendants(void) {
  struct usage usage = {0};
  struct pids pids = {0};
  add_children(&pids, getpid());
  for (size_t i = 0; i < pids.count; i++) {
    add_usage(&usage, pids.list[i]);
    add_children(&pids, pids.list[i]);
  }
  free(pids.list);
  return usage;
}
#else
/* Not known here; whoever submits refuses such limits. */
struct usage usage_of_descendants(void) { return (struct usage){0}; }
#endif
