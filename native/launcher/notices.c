/* What the kernel tells of files, so that who waits for others need not look again and again. */
#include "platform.h"

#include <unistd.h>

#if defined(__linux__)
#include <sys/inotify.h>
#endif

#include "notices.h"

struct notices no_notices(void) { return (struct notices){-1}; }

#if defined(__linux__)
struct notices open_notices(void) { return (struct notices){inotify_init1(IN_NONBLOCK | IN_CLOEXEC)}; }

/* Who cannot be told of all must look for all. */
static void notice(struct notices *notices, const char *path, unsigned what) {
  if (notices->descriptor >= 0 && inotify_add_watch(notices->descriptor, path, what) < 0) close_notices(notices);
}

void notice_writing(struct notices *notices, const char *file) { notice(notices, file, IN_MODIFY); }

void notice_closing(struct notices *notices, const char *directory) {
  notice(notices, directory, IN_CLOSE | IN_ONLYDIR);
}
#else
struct notices open_notices(void) { return no_notices(); }

void notice_writing(struct notices *notices, const char *file) { (void)notices, (void)file; }

void notice_closing(struct notices *notices, const char *directory) { (void)notices, (void)directory; }
#endif

void drop_notices(struct notices *notices) {
  char bytes[4096];
  while (read(notices->descriptor, bytes, sizeof bytes) > 0) continue;
}

void close_notices(struct notices *notices) {
  if (notices->descriptor >= 0) close(notices->descriptor);
  notices->descriptor = -1;
}
