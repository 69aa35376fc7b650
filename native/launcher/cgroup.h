#ifndef XOSAGA_CGROUP_H
#define XOSAGA_CGROUP_H

#include <stdbool.h>

/* A memory cgroup of a job: docs/state.md, "Limits". */
struct cgroup {
  char *directory; /* NULL when there is none */
  int processes;   /* for who enters it; -1 when there is none */
  bool unified;    /* version 2 */
};

/* Makes one with this limit, in KiB, if this process may. */
struct cgroup make_cgroup(const char *id, long long limit);

/* In a process that was forked by vfork(2). False when it may not. */
bool enter_cgroup(const struct cgroup *cgroup);

/* Whether a process was killed for want of memory. */
bool ran_out_of_memory(const struct cgroup *cgroup);

/* Waits a moment for processes that are dying. */
void remove_cgroup(struct cgroup *cgroup);

/* Removes that of a job whose keeper, started by this process, was killed. */
void remove_cgroup_of(const char *id);

#endif
