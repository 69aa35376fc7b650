/*
 * The launcher of local jobs, and their keepers.
 *
 *   xosaga_launcher <directory of segments> <submitter pid> <submitter start>
 *
 * The launcher reads jobs from its standard input and forks a keeper for each. The keeper starts the job's processes,
 * waits for them and records what happened; it outlives the launcher and the submitter. docs/state.md says what must
 * hold at every instant, docs/launcher.md what comes in and goes out. xosaga_launcher.sh is the same for machines
 * without a compiler.
 *
 * Everything here is one thread. Signals are blocked but inside pselect(), so that handlers only leave notes.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

enum {
  FRAME_MAX = 8 << 20, /* bytes of a job */
  TEXT_MAX = 2048,     /* bytes of <text>, before they are encoded */
  RECORD_MAX = 3 * TEXT_MAX + 512,
  START_MAX = 32, /* bytes of the <start> of a process */
  GRACE = 10,     /* seconds between TERM and KILL */
};

enum limit { NO_LIMIT, WALL, CPU, MEMORY, LIMITS };
static const char *const limit_names[LIMITS] = {[NO_LIMIT] = "", [WALL] = "wall", [CPU] = "cpu", [MEMORY] = "memory"};

enum { EXIT_NOT_STARTED = 1 }; /* of a keeper: it could not claim the job, and said so */

/* A job as the submitter describes it. The strings lie in its frame. An empty path means the default. */
struct job {
  const char *segment, *number, *id, *cwd, *input, *output, *error;
  off_t offset; /* the size of `events` when the job was submitted: no claim of it stands before */
  bool interactive;
  long long limits[LIMITS]; /* seconds, CPU seconds, KiB; 0 is none */
  long processes;
  long argc, envc;
  char **argv; /* ends with NULL */
  char **env;  /* K=V, added to the launcher's own environment */
};

/* What every function of launcher and keeper may know. */
struct launcher {
  const char *directory; /* of the segments */
  pid_t submitter;
  const char *submitter_start;
  struct kept *kept;
};

/* A keeper that runs, or one that died (pid 0) and whose job must be recorded as lost. */
struct kept {
  struct kept *next;
  pid_t pid;
  char *segment, *number, *id;
};

/* The last bytes of a stream: the end of standard error, or the reason why a job could not be started. */
struct tail {
  char bytes[2 * TEXT_MAX];
  size_t size;
};

enum kind { UNDECIDED, EXITED, SIGNALED, FAILED, CANCELED, LIMITED };

struct keeper {
  const struct launcher *launcher;
  const struct job *job;
  int events;      /* the segment's journal */
  int streams[3];  /* what the processes get as 0, 1 and 2 */
  int stderr_pipe; /* read end, -1 when the job has a file for its errors */
  int fifo_writer; /* keeps an interactive job from seeing the end of its input before the submitter has opened it */
  pid_t *pids;     /* by rank; 0 when not running */
  long live;
  pid_t group;
  bool run_recorded;
  enum limit suspect; /* what the last look at CPU time and memory found too much of */
  double kill_at; /* when the grace ends, 0 while nobody was asked to end */
  double wall_at; /* when the wall time is over, 0 without such a limit */
  double look_at; /* when CPU time and memory are looked at, 0 without such limits */
  enum kind kind; /* the outcome, decided by the first that happens */
  int code;       /* exit status, signal, errno or limit */
  long rank;      /* the process that decided */
  double cpu;
  long rss;
  struct tail tail;
};

static volatile sig_atomic_t cancels_asked, input_opened;

/* ---- small things ------------------------------------------------------------------------------------------------ */

static void on_signal(int signal) {
  if (signal == SIGTERM) cancels_asked++;
  if (signal == SIGUSR1) input_opened = 1;
}

static void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

static void change_mask(int how, int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(how, &set, NULL);
}

static void *must(void *memory) {
  if (memory == NULL) abort(); /* a keeper that aborts is lost, and its launcher says so */
  return memory;
}

static double clock_seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The <time> of a record. */
static const char *timestamp(void) {
  static char text[32];
#if defined(CLOCK_BOOTTIME)
  snprintf(text, sizeof text, "%.6f", clock_seconds(CLOCK_BOOTTIME));
#else
  snprintf(text, sizeof text, "@%.6f", clock_seconds(CLOCK_REALTIME));
#endif
  return text;
}

static int open_retry(const char *path, int flags, mode_t mode) {
  int fd;
  do fd = open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

static bool cloexec_pipe(int ends[2]) {
#if defined(__linux__)
  return pipe2(ends, O_CLOEXEC) == 0;
#else
  return pipe(ends) == 0 && fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
#endif
}

static char *path_of(const struct launcher *launcher, const char *segment, const char *name, const char *suffix) {
  size_t size = strlen(launcher->directory) + strlen(segment) + strlen(name) + strlen(suffix) + 3;
  char *path = must(malloc(size));
  snprintf(path, size, "%s/%s/%s%s", launcher->directory, segment, name, suffix);
  return path;
}

static const char *errno_name(int number) {
  static const struct {
    int number;
    const char *name;
  } names[] = {
#define E(name) {name, #name}
      E(EPERM),  E(ENOENT),  E(EIO),    E(ENXIO),  E(E2BIG),  E(ENOEXEC),  E(EBADF),   E(EAGAIN),       E(ENOMEM),
      E(EACCES), E(EFAULT),  E(EBUSY),  E(EEXIST), E(ENODEV), E(ENOTDIR),  E(EISDIR),  E(EINVAL),       E(ENFILE),
      E(EMFILE), E(ETXTBSY), E(EFBIG),  E(ENOSPC), E(ESPIPE), E(EROFS),    E(ELOOP),   E(ENAMETOOLONG), E(EDQUOT),
      E(ESTALE), E(EINTR),   E(ENOTBLK), E(EXDEV),  E(ENOSYS), E(EOVERFLOW), E(ETIMEDOUT),
#undef E
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return names[i].name;
  static char other[16];
  snprintf(other, sizeof other, "E%d", number);
  return other;
}

static void tail_add(struct tail *tail, const char *bytes, size_t size) {
  if (size > TEXT_MAX) {
    bytes += size - TEXT_MAX;
    size = TEXT_MAX;
  }
  if (tail->size + size > sizeof tail->bytes) {
    memmove(tail->bytes, tail->bytes + tail->size - TEXT_MAX, TEXT_MAX);
    tail->size = TEXT_MAX;
  }
  memcpy(tail->bytes + tail->size, bytes, size);
  tail->size += size;
}

/* Writes the last TEXT_MAX bytes as <text>. */
static void percent_encode(char out[static 3 * TEXT_MAX + 2], const char *bytes, size_t size) {
  size_t from = size > TEXT_MAX ? size - TEXT_MAX : 0;
  char *end = out;
  for (size_t i = from; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    bool plain = c < 128 && (isalnum(c) || (c != 0 && strchr("._~/:,=+@-", c) != NULL));
    end += snprintf(end, 4, plain ? "%c" : "%%%02X", c);
  }
  /* A lone "-" means that there is no text. */
  strcpy(end, end == out ? "-" : "");
  if (size == 1 && *bytes == '-') strcpy(out, "%2D");
}

/* ---- processes of the system ------------------------------------------------------------------------------------- */

#if defined(__linux__)
enum { STAT_MAX = 1024 };

/* /proc/<pid>/stat from the end of field 2 on, the program's name, which may hold anything; NULL when there is none. */
static const char *read_stat(pid_t pid, char stat[static STAT_MAX]) {
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

/* What names a process beyond the reuse of its pid; false when it is gone or a zombie. */
static bool process_start(pid_t pid, char start[static START_MAX]) {
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

static bool submitter_lives(const struct launcher *launcher) {
  char start[START_MAX];
  return process_start(launcher->submitter, start) && strcmp(start, launcher->submitter_start) == 0;
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

/*
 * Kills every process of the job, wherever it fled: a daemon leaves the process group, but keeps its environment.
 * Looks again until a look finds none, as a dying process may have forked; a second does for all but the unkillable.
 */
static void kill_marked(const char *id) {
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

/* What processes use: CPU seconds, with those of their children that have been waited for, and resident KiB. */
struct usage {
  double cpu, memory;
};

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

/* Of all processes below this one. Orphans among them come to it, so that none is missed: see become_keeper(). */
static struct usage usage_of_descendants(void) {
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
static struct usage usage_of_descendants(void) { return (struct usage){0}; }
#endif

/* ---- the journal ------------------------------------------------------------------------------------------------- */

static int open_events(const struct launcher *launcher, const char *segment) {
  char *path = path_of(launcher, segment, "events", "");
  int fd = open_retry(path, O_RDWR | O_APPEND, 0);
  int error = errno;
  free(path);
  errno = error;
  return fd;
}

/* One write a record. False, with errno, when it is not whole in the file. */
__attribute__((format(printf, 2, 3))) static bool append(int events, const char *format, ...) {
  char record[RECORD_MAX] = "\n";
  va_list values;
  va_start(values, format);
  int size = 1 + vsnprintf(record + 1, sizeof record - 2, format, values);
  va_end(values);
  record[size++] = '\n';
  ssize_t written = write(events, record, (size_t)size);
  if (written >= 0 && written < size) errno = ENOSPC;
  return written == size;
}

/* The number of words of a line, 0 when one is empty. */
static int count_words(const char *line) {
  int words = 1;
  for (const char *c = line; *c != '\0'; c++) {
    if (*c == ' ' && (c == line || c[1] == ' ' || c[1] == '\0')) return 0;
    if (*c == ' ') words++;
  }
  return words;
}

/* Whether the line is a whole `start <number> ...` or `never <number> ...`. */
static bool is_claim(const char *line, const char *number) {
  bool start = strncmp(line, "start ", 6) == 0;
  if (!start && strncmp(line, "never ", 6) != 0) return false;
  size_t size = strlen(number);
  return strncmp(line + 6, number, size) == 0 && line[6 + size] == ' ' && count_words(line) == (start ? 5 : 4);
}

/* What the journal holds from the offset on, as a string. */
static char *read_events(int events, off_t offset) {
  struct stat about;
  size_t size = fstat(events, &about) == 0 && about.st_size > offset ? (size_t)(about.st_size - offset) : 0;
  char *text = must(malloc(size + 1));
  size_t filled = 0;
  for (ssize_t got; filled < size; filled += (size_t)got)
    if ((got = pread(events, text + filled, size - filled, offset + (off_t)filled)) <= 0) break;
  text[filled] = '\0';
  return text;
}

/* Whether the keeper's own `start` is the first claim of its job: "The log decides" in docs/state.md. */
static bool is_first_claim(const struct keeper *keeper, const char *own) {
  char *text = read_events(keeper->events, keeper->job->offset);
  bool first = false;
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
    first = strcmp(line, own) == 0;
    if (first || is_claim(line, keeper->job->number)) break;
  }
  free(text);
  return first;
}

/* ---- the keeper: starting a job ---------------------------------------------------------------------------------- */

/* Decides that the job could not be started, and why. */
__attribute__((format(printf, 4, 5))) static bool fail(struct keeper *keeper, int error, long rank, const char *format,
                                                       ...) {
  char text[TEXT_MAX];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  keeper->kind = FAILED;
  keeper->code = error;
  keeper->rank = rank;
  keeper->tail.size = 0;
  tail_add(&keeper->tail, text, strlen(text));
  tail_add(&keeper->tail, ": ", 2);
  tail_add(&keeper->tail, strerror(error), strlen(strerror(error)));
  return false;
}

/* A session of its own, deaf to what is meant for the submitter; orphans of the job come to it, not to init. */
static void become_keeper(void) {
  setsid();
#if defined(__linux__)
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "xosaga_keeper");
#endif
  change_mask(SIG_BLOCK, SIGTERM);
  handle(SIGTERM, on_signal);
  handle(SIGUSR1, on_signal);
  handle(SIGXFSZ, SIG_IGN); /* a limit on file sizes must not kill who has to record the end */
  int null = open_retry("/dev/null", O_RDWR, 0);
  dup2(null, STDIN_FILENO);
  close(null);
}

/* The launcher's standard output is for complaints; holding it longer would keep the submitter waiting for its end. */
static int report_not_started(const struct job *job, int error, const char *what) {
  char text[3 * TEXT_MAX + 2], reason[TEXT_MAX];
  snprintf(reason, sizeof reason, "%s: %s", what, strerror(error));
  percent_encode(text, reason, strlen(reason));
  dprintf(STDOUT_FILENO, "nostart %s %s %s %s\n", job->segment, job->number, errno_name(error), text);
  return EXIT_NOT_STARTED;
}

static void decide_canceled(struct keeper *keeper) {
  if (keeper->kind != UNDECIDED) return; /* what came first remains */
  keeper->kind = CANCELED;
  keeper->code = SIGTERM;
}

/* A FIFO waits for its other end, perhaps for ever: a cancel must reach the keeper here. */
static int open_stream(struct keeper *keeper, const char *path, const char *what, int flags, mode_t mode) {
  const char *file = *path == '\0' ? "/dev/null" : path;
  int fd = -1;
  change_mask(SIG_UNBLOCK, SIGTERM);
  while (cancels_asked == 0 && (fd = open(file, flags | O_CLOEXEC, mode)) < 0 && errno == EINTR) continue;
  int error = errno;
  change_mask(SIG_BLOCK, SIGTERM);
  if (fd < 0 && cancels_asked > 0) decide_canceled(keeper);
  else if (fd < 0) fail(keeper, error, 0, "cannot open %s '%s'", what, path);
  return fd;
}

enum { WRITE_FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND };

static bool open_files(struct keeper *keeper) {
  const struct job *job = keeper->job;
  int *streams = keeper->streams;
  if ((streams[0] = open_stream(keeper, job->input, "the input", O_RDONLY, 0)) < 0) return false;
  if ((streams[1] = open_stream(keeper, job->output, "the output", WRITE_FLAGS, 0666)) < 0) return false;
  if (*job->error != '\0') return (streams[2] = open_stream(keeper, job->error, "the error", WRITE_FLAGS, 0666)) >= 0;
  int ends[2];
  if (!cloexec_pipe(ends)) return fail(keeper, errno, 0, "cannot make a pipe for the standard error");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  keeper->stderr_pipe = ends[0];
  streams[2] = ends[1];
  return true;
}

/*
 * The job may read before the submitter has opened the FIFO, and without a writer it would see the end of its input. So
 * the keeper is a writer until the submitter tells by SIGUSR1 that it has opened: then the end comes from there.
 */
static bool open_interactive(struct keeper *keeper) {
  const struct job *job = keeper->job;
  const char *const suffixes[] = {".stdin", ".stdout", ".stderr"};
  const int flags[] = {O_RDONLY, WRITE_FLAGS, WRITE_FLAGS};
  for (int i = 0; i < 3; i++) {
    char *path = path_of(keeper->launcher, job->segment, job->number, suffixes[i]);
    if (i == 0 && (mkfifo(path, 0600) != 0 || (keeper->fifo_writer = open_retry(path, O_RDWR, 0)) < 0))
      fail(keeper, errno, 0, "cannot make the FIFO '%s'", path);
    else
      keeper->streams[i] = open_stream(keeper, path, suffixes[i] + 1, flags[i], 0600);
    free(path);
    if (keeper->kind != UNDECIDED) return false;
  }
  return true;
}

static bool open_streams(struct keeper *keeper) {
  const char *cwd = keeper->job->cwd;
  if (*cwd != '\0' && chdir(cwd) != 0) return fail(keeper, errno, 0, "cannot change to directory '%s'", cwd);
  return keeper->job->interactive ? open_interactive(keeper) : open_files(keeper);
}

static void export_number(const char *name, long value) {
  char text[32];
  snprintf(text, sizeof text, "%ld", value);
  setenv(name, text, 1);
}

/* In the new process: everything that a job may expect of its surroundings. Returns only when exec failed. */
static void become_process(const struct keeper *keeper, pid_t keeper_pid) {
  setpgid(0, keeper->group);
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != keeper_pid) _exit(127); /* the keeper died before the line above */
#else
  (void)keeper_pid;
#endif
  for (int i = 0; i < 3; i++) dup2(keeper->streams[i], i);
  for (int signal = 1; signal < NSIG; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) handle(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execvp(keeper->job->argv[0], keeper->job->argv);
}

static bool explain_exec(struct keeper *keeper, int error, long rank) {
  const char *program = keeper->job->argv[0];
  fail(keeper, error, rank, "cannot execute '%s'", program);
  const char *hint = "";
  if (error == ENOENT && strchr(program, '/') == NULL) hint = " (not found in PATH)";
  else if (error == ENOENT && access(program, F_OK) == 0) hint = " (its interpreter is missing)";
  tail_add(&keeper->tail, hint, strlen(hint));
  return false;
}

/*
 * Starts a process; when this returns it executes its program. vfork, as nothing is copied, and as the keeper goes on
 * only when the program is executed or could not be: the two share their memory until then, so the child writes to
 * nothing but `error`.
 */
static bool start_process(struct keeper *keeper, long rank) {
  pid_t keeper_pid = getpid();
  volatile int error = 0;
  export_number("XOSAGA_RANK", rank);
  pid_t pid = vfork();
  if (pid < 0) return fail(keeper, errno, rank, "cannot start process %ld of the job", rank);
  if (pid == 0) {
    become_process(keeper, keeper_pid);
    error = errno;
    _exit(127);
  }
  if (rank == 0) keeper->group = pid;
  keeper->pids[rank] = pid;
  keeper->live++;
  return error == 0 || explain_exec(keeper, error, rank);
}

static void reap_all(struct keeper *keeper) {
  if (keeper->group > 0) kill(-keeper->group, SIGKILL);
  for (long rank = 0; rank < keeper->job->processes; rank++)
    if (keeper->pids[rank] > 0) waitpid(keeper->pids[rank], NULL, 0);
  keeper->live = 0;
}

static bool start_processes(struct keeper *keeper) {
  const struct job *job = keeper->job;
  for (long i = 0; i < job->envc; i++) putenv(job->env[i]);
  setenv("XOSAGA_JOB_ID", job->id, 1);
  export_number("XOSAGA_SIZE", job->processes);
  bool started = true;
  for (long rank = 0; started && rank < job->processes; rank++) started = start_process(keeper, rank);
  for (int i = 0; i < 3; i++) close(keeper->streams[i]);
  if (!started) reap_all(keeper);
  return started;
}

/* ---- the keeper: until the end ----------------------------------------------------------------------------------- */

static double grace_seconds(void) {
  const char *text = getenv("XOSAGA_GRACE");
  return text != NULL ? atof(text) : GRACE;
}

/* Asks the processes to end; asked again, waits no longer. A stopped process must be continued to hear it. */
static void terminate(struct keeper *keeper, double grace) {
  double now = clock_seconds(CLOCK_MONOTONIC);
  bool again = keeper->kill_at > 0;
  keeper->kill_at = again ? now : now + grace;
  if (again) return;
  kill(-keeper->group, SIGTERM);
  kill(-keeper->group, SIGCONT);
}

static void cancel(struct keeper *keeper, double grace) {
  decide_canceled(keeper);
  terminate(keeper, grace);
}

/* After the grace, and once a second until all are gone. */
static void kill_all(struct keeper *keeper) {
  kill(-keeper->group, SIGKILL);
  kill_marked(keeper->job->id);
  if (keeper->kind == CANCELED) keeper->code = SIGKILL;
  keeper->kill_at = clock_seconds(CLOCK_MONOTONIC) + 1;
}

static bool succeeded(const struct keeper *keeper) { return keeper->kind == EXITED && keeper->code == 0; }

static long rank_of(const struct keeper *keeper, pid_t pid) {
  for (long rank = 0; rank < keeper->job->processes; rank++)
    if (keeper->pids[rank] == pid) return rank;
  return -1;
}

static void account(struct keeper *keeper, const struct rusage *usage) {
  const struct timeval *user = &usage->ru_utime, *system = &usage->ru_stime;
  keeper->cpu += (double)(user->tv_sec + system->tv_sec) + (double)(user->tv_usec + system->tv_usec) / 1e6;
#if defined(__APPLE__)
  long rss = usage->ru_maxrss / 1024;
#else
  long rss = usage->ru_maxrss;
#endif
  if (rss > keeper->rss) keeper->rss = rss;
}

static void reap(struct keeper *keeper, double grace) {
  int status;
  struct rusage usage;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
    account(keeper, &usage);
    long rank = rank_of(keeper, pid);
    if (rank < 0) continue; /* an orphan of the job */
    keeper->pids[rank] = 0;
    keeper->live--;
    bool success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (success || keeper->kind != UNDECIDED) continue;
    keeper->kind = WIFEXITED(status) ? EXITED : SIGNALED;
    keeper->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    keeper->rank = rank;
    if (keeper->live > 0) terminate(keeper, grace);
  }
}

/* At most what a pipe can hold (1 MiB): a job that never stops to write must not keep its keeper from all else. */
static void read_stderr(struct keeper *keeper) {
  char bytes[65536];
  ssize_t size = 1;
  for (int round = 0; round < 16 && size > 0; round++)
    if ((size = read(keeper->stderr_pipe, bytes, sizeof bytes)) > 0) tail_add(&keeper->tail, bytes, (size_t)size);
  if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
  close(keeper->stderr_pipe);
  keeper->stderr_pipe = -1;
}

/* The end of the job's own Error file. What is not a regular file could block, or have nothing to say. */
static void read_error_file(struct keeper *keeper) {
  const char *path = keeper->job->error;
  struct stat about;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return;
  int fd = open_retry(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0) return;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    char bytes[TEXT_MAX];
    ssize_t size = pread(fd, bytes, sizeof bytes, about.st_size > TEXT_MAX ? about.st_size - TEXT_MAX : 0);
    if (size > 0) tail_add(&keeper->tail, bytes, (size_t)size);
  }
  close(fd);
}

static void record_run(struct keeper *keeper) {
  keeper->run_recorded =
      append(keeper->events, "run %s %s %ld", keeper->job->number, timestamp(), (long)keeper->group);
}

/* Looks at CPU time and memory are this far apart, in seconds; so is the second look when the first found too much. */
static const double LOOK = 1, LOOK_AGAIN = 0.1;

static void start_limits(struct keeper *keeper) {
  const long long *limits = keeper->job->limits;
  double now = clock_seconds(CLOCK_MONOTONIC);
  if (limits[WALL] > 0) keeper->wall_at = now + (double)limits[WALL];
  if (limits[CPU] > 0 || limits[MEMORY] > 0) keeper->look_at = now + LOOK;
}

/* Decides that the job is ended for this limit. */
static void exceed(struct keeper *keeper, enum limit limit, double grace) {
  keeper->kind = LIMITED;
  keeper->code = limit;
  terminate(keeper, grace);
}

/* A process that has just forked counts double for a moment, so that one look proves nothing. */
static void look_at_usage(struct keeper *keeper, double grace) {
  const long long *limits = keeper->job->limits;
  struct usage usage = usage_of_descendants();
  enum limit found = NO_LIMIT;
  if (limits[MEMORY] > 0 && usage.memory > (double)limits[MEMORY]) found = MEMORY;
  if (limits[CPU] > 0 && keeper->cpu + usage.cpu > (double)limits[CPU]) found = CPU;
  if (found != NO_LIMIT && found == keeper->suspect) exceed(keeper, found, grace);
  keeper->suspect = found;
  keeper->look_at = clock_seconds(CLOCK_MONOTONIC) + (found != NO_LIMIT ? LOOK_AGAIN : LOOK);
}

/* Once somebody has asked the job to end, for whatever reason, limits mean nothing more. */
static void check_limits(struct keeper *keeper, double grace) {
  if ((keeper->wall_at == 0 && keeper->look_at == 0) || keeper->kill_at > 0 || keeper->live == 0) return;
  double now = clock_seconds(CLOCK_MONOTONIC);
  if (keeper->wall_at > 0 && now >= keeper->wall_at) exceed(keeper, WALL, grace);
  else if (keeper->look_at > 0 && now >= keeper->look_at) look_at_usage(keeper, grace);
}

/* Seconds until a moment, 0 for none, if that is less; a wait below 0 is for ever. */
static double sooner(double wait, double moment) {
  if (moment == 0) return wait;
  double left = moment - clock_seconds(CLOCK_MONOTONIC);
  if (wait >= 0 && wait < left) return wait;
  return left > 0 ? left : 0;
}

/* Sleeps until a signal, output on stderr, or the next moment at which something is due. */
static void sleep_until_something(struct keeper *keeper) {
  double wait = keeper->job->interactive || !keeper->run_recorded ? 1 : -1;
  if (keeper->kill_at > 0) wait = sooner(wait, keeper->kill_at);
  else wait = sooner(sooner(wait, keeper->wall_at), keeper->look_at);
  if (wait > 1e6) wait = 1e6; /* some systems take no more */
  struct timespec timeout = {.tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9)};
  fd_set readable;
  FD_ZERO(&readable);
  if (keeper->stderr_pipe >= 0) FD_SET(keeper->stderr_pipe, &readable);
  sigset_t none;
  sigemptyset(&none);
  int ready = pselect(keeper->stderr_pipe + 1, &readable, NULL, NULL, wait < 0 ? NULL : &timeout, &none);
  if (ready > 0) read_stderr(keeper);
}

static void close_fifo_writer(struct keeper *keeper) {
  if (keeper->fifo_writer >= 0) close(keeper->fifo_writer);
  keeper->fifo_writer = -1;
}

static void supervise(struct keeper *keeper) {
  double grace = grace_seconds();
  sig_atomic_t cancels_seen = 0;
  while (keeper->live > 0) {
    sleep_until_something(keeper);
    for (; cancels_seen < cancels_asked; cancels_seen++) cancel(keeper, grace);
    reap(keeper, grace);
    if (input_opened) close_fifo_writer(keeper);
    if (!keeper->run_recorded) record_run(keeper);
    if (keeper->job->interactive && keeper->kill_at == 0 && !submitter_lives(keeper->launcher)) cancel(keeper, grace);
    check_limits(keeper, grace);
    if (keeper->kill_at > 0 && clock_seconds(CLOCK_MONOTONIC) >= keeper->kill_at) kill_all(keeper);
  }
  kill(-keeper->group, SIGKILL);
  if (keeper->kind == CANCELED || keeper->kind == LIMITED) kill_marked(keeper->job->id);
  if (keeper->kind == UNDECIDED) keeper->kind = EXITED;
  if (keeper->stderr_pipe >= 0) read_stderr(keeper);
  if (*keeper->job->error != '\0' && !succeeded(keeper)) read_error_file(keeper);
}

static void record_end(struct keeper *keeper) {
  static const char *const kinds[] = {[UNDECIDED] = "",    [EXITED] = "exit",       [SIGNALED] = "signal",
                                      [FAILED] = "failed", [CANCELED] = "canceled", [LIMITED] = "limit"};
  char number[32], usage[64] = "- -", text[3 * TEXT_MAX + 2] = "-";
  snprintf(number, sizeof number, "%d", keeper->code);
  const char *value = number;
  if (keeper->kind == FAILED) value = errno_name(keeper->code);
  if (keeper->kind == LIMITED) value = limit_names[keeper->code];
  if (keeper->rss > 0) snprintf(usage, sizeof usage, "%.6f %ld", keeper->cpu, keeper->rss);
  if (!succeeded(keeper)) percent_encode(text, keeper->tail.bytes, keeper->tail.size);
  while (!append(keeper->events, "end %s %s %s %s %ld %s %s", keeper->job->number, timestamp(), kinds[keeper->kind],
                 value, keeper->rank, usage, text))
    sleep(1);
}

static void run_job(struct keeper *keeper) {
  bool ready = open_streams(keeper);
  if (ready && cancels_asked > 0) {
    decide_canceled(keeper);
  } else if (ready && start_processes(keeper)) {
    record_run(keeper);
    start_limits(keeper);
    supervise(keeper);
  }
  if (keeper->job->interactive) {
    char *fifo = path_of(keeper->launcher, keeper->job->segment, keeper->job->number, ".stdin");
    unlink(fifo);
    free(fifo);
  }
  record_end(keeper);
}

/* The life of a keeper. */
static int keep(const struct launcher *launcher, const struct job *job) {
  become_keeper();
  struct keeper keeper = {.launcher = launcher, .job = job, .stderr_pipe = -1, .fifo_writer = -1};
  keeper.events = open_events(launcher, job->segment);
  if (keeper.events < 0) return report_not_started(job, errno, "cannot open the journal of the job");
  keeper.pids = must(calloc((size_t)job->processes, sizeof *keeper.pids));

  char start[START_MAX] = "0", claim[256];
  process_start(getpid(), start);
  snprintf(claim, sizeof claim, "start %.32s %s %ld %s", job->number, timestamp(), (long)getpid(), start);
  if (!append(keeper.events, "%s", claim)) return report_not_started(job, errno, "cannot write to the journal");
  if (is_first_claim(&keeper, claim)) {
    dup2(STDIN_FILENO, STDOUT_FILENO); /* nothing is left to complain about */
    run_job(&keeper);
  }
  free(keeper.pids);
  close(keeper.events);
  return 0;
}

/* ---- the launcher: frames ---------------------------------------------------------------------------------------- */

/* The fields of a frame, one after the other. Each ends with NUL. */
struct fields {
  char *next, *end;
  bool missing; /* or wrong */
};

static char *next_field(struct fields *fields) {
  char *field = fields->next;
  char *nul = field < fields->end ? memchr(field, '\0', (size_t)(fields->end - field)) : NULL;
  if (nul == NULL) {
    fields->missing = true;
    return "";
  }
  fields->next = nul + 1;
  return field;
}

static bool parse_number(const char *text, long long least, long long most, long long *value) {
  char *end;
  *value = strtoll(text, &end, 10);
  return end != text && *end == '\0' && *value >= least && *value <= most;
}

static long long next_number(struct fields *fields, long long least, long long most) {
  long long value;
  if (!parse_number(next_field(fields), least, most, &value)) fields->missing = true;
  return fields->missing ? least : value;
}

/* A counted list of fields, with a NULL behind it. */
static char **next_list(struct fields *fields, long *count, long least) {
  *count = (long)next_number(fields, least, FRAME_MAX);
  if (*count > fields->end - fields->next) fields->missing = true;
  if (fields->missing) *count = 0;
  char **list = must(calloc((size_t)*count + 1, sizeof *list));
  for (long i = 0; i < *count; i++) list[i] = next_field(fields);
  return list;
}

/* Whether the text is of these characters alone, and of as many as a name or a number may have. */
static bool consists_of(const char *text, const char *characters) {
  size_t size = strlen(text);
  return size > 0 && size <= 18 && strspn(text, characters) == size;
}

/* False when the word is no option: then the job must not run without what it asks for. */
static bool parse_option(struct job *job, const char *word) {
  if (strcmp(word, "i") == 0) {
    job->interactive = true;
    return true;
  }
  for (int limit = WALL; limit < LIMITS; limit++) {
    size_t size = strlen(limit_names[limit]);
    if (strncmp(word, limit_names[limit], size) == 0 && word[size] == '=')
      return parse_number(word + size + 1, 1, LLONG_MAX, &job->limits[limit]);
  }
  return false;
}

static void next_options(struct fields *fields, struct job *job) {
  char *rest = next_field(fields);
  if (fields->missing || *rest == '\0') return;
  for (char *word; (word = strsep(&rest, " ")) != NULL;)
    if (!parse_option(job, word)) fields->missing = true;
}

/* False when the frame is not a job. */
static bool parse_job(struct job *job, char *frame, size_t size) {
  struct fields fields = {.next = frame, .end = frame + size};
  bool known = strcmp(next_field(&fields), "J") == 0;
  job->segment = next_field(&fields);
  job->number = next_field(&fields);
  job->offset = (off_t)next_number(&fields, 0, LLONG_MAX);
  next_options(&fields, job);
  job->processes = (long)next_number(&fields, 1, 1 << 20);
  job->id = next_field(&fields);
  job->cwd = next_field(&fields);
  job->input = next_field(&fields);
  job->output = next_field(&fields);
  job->error = next_field(&fields);
  job->argv = next_list(&fields, &job->argc, 1);
  job->env = next_list(&fields, &job->envc, 0);
  bool valid = known && !fields.missing && fields.next == fields.end && consists_of(job->number, "0123456789") &&
               consists_of(job->segment, "abcdefghijklmnopqrstuvwxyz0123456789");
  for (long i = 0; i < job->envc; i++) {
    const char *equals = strchr(job->env[i], '=');
    valid = valid && equals != NULL && equals != job->env[i];
  }
  return valid;
}

static void remember(struct launcher *launcher, const struct job *job, pid_t pid) {
  struct kept *kept = must(malloc(sizeof *kept));
  *kept = (struct kept){.next = launcher->kept,
                        .pid = pid,
                        .segment = must(strdup(job->segment)),
                        .number = must(strdup(job->number)),
                        .id = must(strdup(job->id))};
  launcher->kept = kept;
}

static void launch(struct launcher *launcher, char *frame, size_t size) {
  struct job job = {0};
  if (parse_job(&job, frame, size)) {
    pid_t pid = fork();
    if (pid == 0) exit(keep(launcher, &job));
    if (pid > 0) remember(launcher, &job, pid);
    else report_not_started(&job, errno, "cannot start a keeper");
  } else {
    dprintf(STDOUT_FILENO, "bad frame\n");
  }
  free(job.argv);
  free(job.env);
}

/* What was read of standard input and is not yet a whole frame. */
struct input {
  char *bytes;
  size_t size, capacity;
  size_t skip; /* bytes of a frame that is too large */
};

static size_t frame_size(const struct input *input, size_t at) {
  const unsigned char *b = (const unsigned char *)input->bytes + at;
  return (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

static void drop(struct input *input, size_t size) {
  memmove(input->bytes, input->bytes + size, input->size - size);
  input->size -= size;
}

static void launch_frames(struct launcher *launcher, struct input *input) {
  size_t at = 0;
  while (input->size - at >= 4) {
    size_t size = frame_size(input, at);
    if (size > FRAME_MAX) {
      dprintf(STDOUT_FILENO, "bad frame of %zu bytes\n", size);
      input->skip = size;
      at += 4;
      break;
    }
    if (input->size - at - 4 < size) break;
    launch(launcher, input->bytes + at + 4, size);
    at += 4 + size;
  }
  drop(input, at);
}

/* False at the end of the input; what is left then is a torn frame. */
static bool read_frames(struct launcher *launcher, struct input *input) {
  if (input->capacity - input->size < 65536) {
    input->capacity = input->size + 2 * 65536 + input->size / 2;
    input->bytes = must(realloc(input->bytes, input->capacity));
  }
  ssize_t got = read(STDIN_FILENO, input->bytes + input->size, input->capacity - input->size);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  input->size += (size_t)got;
  size_t skipped = input->skip < input->size ? input->skip : input->size;
  drop(input, skipped);
  input->skip -= skipped;
  if (input->skip == 0) launch_frames(launcher, input);
  return got > 0;
}

/* ---- the launcher: its keepers ----------------------------------------------------------------------------------- */

static bool record_lost(const struct launcher *launcher, const struct kept *kept) {
  int events = open_events(launcher, kept->segment);
  if (events < 0) return errno == ENOENT; /* somebody removed the segment: nothing to record */
  bool recorded = append(events, "lost %s %s", kept->number, timestamp());
  close(events);
  return recorded;
}

static void forget(struct kept **place) {
  struct kept *kept = *place;
  *place = kept->next;
  free(kept->segment);
  free(kept->number);
  free(kept->id);
  free(kept);
}

static struct kept **find_keeper(struct launcher *launcher, pid_t pid) {
  struct kept **place = &launcher->kept;
  while (*place != NULL && (*place)->pid != pid) place = &(*place)->next;
  return place;
}

static void reap_keepers(struct launcher *launcher) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    struct kept **place = find_keeper(launcher, pid);
    if (*place == NULL) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) <= EXIT_NOT_STARTED) {
      forget(place);
    } else {
      kill_marked((*place)->id);
      (*place)->pid = 0;
    }
  }
}

/* False while a job is lost whose journal cannot be written. */
static bool record_all_lost(struct launcher *launcher) {
  struct kept **place;
  while (*(place = find_keeper(launcher, 0)) != NULL) {
    if (!record_lost(launcher, *place)) return false;
    forget(place);
  }
  return true;
}

static void serve(struct launcher *launcher) {
  struct input input = {0};
  sigset_t none;
  sigemptyset(&none);
  for (bool more = true; more;) {
    reap_keepers(launcher);
    const struct timespec second = {.tv_sec = 1};
    const struct timespec *timeout = record_all_lost(launcher) ? NULL : &second;
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(STDIN_FILENO, &readable);
    if (pselect(STDIN_FILENO + 1, &readable, NULL, NULL, timeout, &none) > 0) more = read_frames(launcher, &input);
  }
  free(input.bytes);
  while (launcher->kept != NULL) forget(&launcher->kept);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: xosaga_launcher <directory of segments> <submitter pid> <submitter start>\n");
    return 2;
  }
  struct launcher launcher = {.directory = argv[1], .submitter = (pid_t)atol(argv[2]), .submitter_start = argv[3]};
  const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) handle(ignored[i], SIG_IGN);
  handle(SIGCHLD, on_signal);
  change_mask(SIG_BLOCK, SIGCHLD);
  change_mask(SIG_BLOCK, SIGUSR1);
  serve(&launcher);
  return 0;
}
