#ifndef XOSAGA_PROCESSES_H
#define XOSAGA_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

enum {
  START_MAX = 32,  /* bytes of the <start> of a process */
  STAT_MAX = 1024, /* bytes of /proc/<pid>/stat */
};

/* What names a process beyond the reuse of its pid; false when it is gone or a zombie. */
bool process_start(pid_t pid, char start[static START_MAX]);

bool process_lives(pid_t pid, const char *start);

/* Kills every process of the job, wherever it fled: a daemon leaves the process group, but keeps its environment. */
void kill_marked(const char *id);

#if defined(__linux__)
/* /proc/<pid>/stat from the end of field 2 on, the program's name, which may hold anything; NULL when there is none. */
const char *read_stat(pid_t pid, char stat[static STAT_MAX]);
#endif

#endif
