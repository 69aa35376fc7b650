#ifndef XOSAGA_PLATFORM_H
#define XOSAGA_PLATFORM_H

/* The first that each file includes: which of the system's own functions we want to see. */
#if defined(__linux__)
#define _GNU_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#endif
