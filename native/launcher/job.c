/* A job as its frame has it: docs/launcher.md, "Frames". */
#include "platform.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "memory.h"

const char *const limit_names[LIMITS] = {[NO_LIMIT] = "", [WALL] = "wall", [CPU] = "cpu", [MEMORY] = "memory"};

const char *const dependency_names[DEPENDENCY_TYPES] = {
    [AFTER] = "after", [AFTER_OK] = "afterok", [AFTER_NOT_OK] = "afternotok", [AFTER_ANY] = "afterany"};

enum {
  NUMBER_MAX = 999999999, /* the largest number of a job */
  JOBS_MAX = 1 << 20,     /* most that one dependency names */
  PLACES_MAX = 1 << 20,
};

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
  if (text == NULL) return false;
  char *end;
  *value = strtoll(text, &end, 10);
  return end != text && *end == '\0' && *value >= least && *value <= most;
}

static long long next_number(struct fields *fields, long long least, long long most) {
  long long value;
  if (!parse_number(next_field(fields), least, most, &value)) fields->missing = true;
  return fields->missing ? least : value;
}

static void next_list(struct fields *fields, struct list *list, long least) {
  list->count = (long)next_number(fields, least, FRAME_MAX);
  if (list->count > fields->end - fields->next) fields->missing = true;
  if (fields->missing) list->count = 0;
  list->fields = must(calloc((size_t)list->count + 1, sizeof *list->fields));
  for (long i = 0; i < list->count; i++) list->fields[i] = next_field(fields);
}

static void next_steps(struct fields *fields, struct list *list) {
  next_list(fields, list, 0);
  if (list->count % STEP_FIELDS != 0) fields->missing = true;
}

/* Whether the text is of these characters alone, and of as many as a name or a number may have. */
static bool consists_of(const char *text, const char *characters) {
  size_t size = strlen(text);
  return size > 0 && size <= 18 && strspn(text, characters) == size;
}

static bool is_segment(const char *text) { return consists_of(text, "abcdefghijklmnopqrstuvwxyz0123456789"); }

/* <segment>:<first>-<last>:<pid>:<start> */
static bool parse_dependency(struct job *job, enum dependency_type type, char *value) {
  struct dependency dependency = {.type = type, .segment = strsep(&value, ":")};
  long long submitter;
  if (!is_segment(dependency.segment)) return false;
  if (!parse_number(strsep(&value, "-"), 1, NUMBER_MAX, &dependency.first)) return false;
  if (!parse_number(strsep(&value, ":"), dependency.first, NUMBER_MAX, &dependency.last)) return false;
  if (!parse_number(strsep(&value, ":"), 1, INT_MAX, &submitter) || value == NULL || *value == '\0') return false;
  if (dependency.last - dependency.first >= JOBS_MAX) return false;
  dependency.submitter = (pid_t)submitter;
  dependency.submitter_start = value;
  size_t size = (size_t)(job->dependency_count + 1) * sizeof dependency;
  job->dependencies = must(realloc(job->dependencies, size));
  job->dependencies[job->dependency_count++] = dependency;
  return true;
}

/* <directory>:<count>/<of> */
static bool parse_wish(struct job *job, char *value) {
  if (job->wish_count == WISHES) return false;
  struct wish *wish = &job->wishes[job->wish_count++];
  wish->directory = strsep(&value, ":");
  const char *count = strsep(&value, "/");
  return *wish->directory != '\0' && parse_number(value, 1, PLACES_MAX, &wish->of) &&
         parse_number(count, 1, wish->of, &wish->count);
}

/* What stands behind `<name>=` in the word, NULL when it is another. */
static char *value_of(char *word, const char *name) {
  size_t size = strlen(name);
  return strncmp(word, name, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

/* False when the word is no option: then the job must not run without what it asks for. */
static bool parse_option(struct job *job, char *word) {
  char *value;
  if (strcmp(word, "i") == 0) return job->interactive = true;
  if (strcmp(word, "append") == 0) return job->appending = true;
  if (strcmp(word, "hold") == 0) return job->held = true;
  if ((value = value_of(word, "at")) != NULL) return parse_number(value, 0, LLONG_MAX, &job->at);
  if ((value = value_of(word, "places")) != NULL) return parse_wish(job, value);
  for (enum dependency_type type = AFTER; type < DEPENDENCY_TYPES; type++)
    if ((value = value_of(word, dependency_names[type])) != NULL) return parse_dependency(job, type, value);
  for (enum limit limit = WALL; limit < LIMITS; limit++)
    if ((value = value_of(word, limit_names[limit])) != NULL)
      return parse_number(value, 1, LLONG_MAX, &job->limits[limit]);
  return false;
}

static void next_options(struct fields *fields, struct job *job) {
  char *rest = next_field(fields);
  if (fields->missing || *rest == '\0') return;
  for (char *word; (word = strsep(&rest, " ")) != NULL;)
    if (!parse_option(job, word)) fields->missing = true;
}

bool parse_job(struct job *job, char *frame, size_t size) {
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
  next_steps(&fields, &job->before);
  next_steps(&fields, &job->after);
  next_list(&fields, &job->argv, 1);
  next_list(&fields, &job->environment, 0);
  bool valid = known && !fields.missing && fields.next == fields.end && consists_of(job->number, "0123456789") &&
               is_segment(job->segment);
  for (long i = 0; i < job->environment.count; i++) {
    const char *entry = job->environment.fields[i], *equals = strchr(entry, '=');
    valid = valid && equals != NULL && equals != entry;
  }
  return valid;
}

void free_job(struct job *job) {
  free(job->dependencies);
  free(job->before.fields);
  free(job->after.fields);
  free(job->argv.fields);
  free(job->environment.fields);
}
