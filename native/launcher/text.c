/* The <text> of records and complaints. */
#include "platform.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

const char *errno_name(int number) {
  static const struct {
    int number;
    const char *name;
  } names[] = {
#define E(name) {name, #name}
      E(EPERM),  E(ENOENT),  E(EIO),     E(ENXIO),  E(E2BIG),  E(ENOEXEC),   E(EBADF),     E(EAGAIN),       E(ENOMEM),
      E(EACCES), E(EFAULT),  E(EBUSY),   E(EEXIST), E(ENODEV), E(ENOTDIR),   E(EISDIR),    E(EINVAL),       E(ENFILE),
      E(EMFILE), E(ETXTBSY), E(EFBIG),   E(ENOSPC), E(ESPIPE), E(EROFS),     E(ELOOP),     E(ENAMETOOLONG), E(EDQUOT),
      E(ESTALE), E(EINTR),   E(ENOTBLK), E(EXDEV),  E(ENOSYS), E(EOVERFLOW), E(ETIMEDOUT), E(ECANCELED),
#undef E
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return names[i].name;
  static char other[16];
  snprintf(other, sizeof other, "E%d", number);
  return other;
}

void tail_add(struct tail *tail, const char *bytes, size_t size) {
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

void percent_encode(char out[static ENCODED_MAX], const char *bytes, size_t size) {
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
