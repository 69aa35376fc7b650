#ifndef XOSAGA_NOTICES_H
#define XOSAGA_NOTICES_H

/* Told by the kernel that others changed a file, where it tells (Linux); the descriptor is -1 where it does not. */
struct notices {
  int descriptor;
};

struct notices open_notices(void);

/* For who looks instead. */
struct notices no_notices(void);

/* That bytes were added to the file. */
void notice_writing(struct notices *notices, const char *file);

/* That somebody closed a file of the directory. */
void notice_closing(struct notices *notices, const char *directory);

/* Those that have come so far have been heard. */
void drop_notices(struct notices *notices);

void close_notices(struct notices *notices);

#endif
