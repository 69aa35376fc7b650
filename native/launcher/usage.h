#ifndef XOSAGA_USAGE_H
#define XOSAGA_USAGE_H

/* What processes use: CPU seconds, with those of their children that have been waited for, and resident KiB. */
struct usage {
  double cpu, memory;
};

/* Of all processes below this one. */
struct usage usage_of_descendants(void);

#endif
