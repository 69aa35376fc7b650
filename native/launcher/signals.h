#ifndef XOSAGA_SIGNALS_H
#define XOSAGA_SIGNALS_H

#include <setjmp.h>
#include <signal.h>

/*
 * What others asked a keeper for: SIGTERM is a cancel, SIGUSR1 says that the input of an interactive job was opened,
 * SIGUSR2 that the journal has something new for a job that waits.
 */
extern volatile sig_atomic_t cancels_asked, input_opened, log_changed;

/* Set while a system call that would go on after a signal is to be left for SIGTERM and SIGUSR2. */
extern volatile sig_atomic_t jump_when_asked;
extern sigjmp_buf asked_jump;

void on_signal(int signal);
void handle(int signal, void (*handler)(int));

/* `how` is that of sigprocmask(). */
void change_mask(int how, int signal);

#endif
