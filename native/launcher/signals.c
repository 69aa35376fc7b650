/* Signals are blocked but where a process waits, so that handlers only leave notes. */
#include "platform.h"

#include "signals.h"

volatile sig_atomic_t cancels_asked, input_opened, log_changed, jump_when_asked;
sigjmp_buf asked_jump;

void on_signal(int signal) {
  if (signal == SIGTERM) cancels_asked++;
  if (signal == SIGUSR1) input_opened = 1;
  if (signal == SIGUSR2) log_changed = 1;
  if (jump_when_asked && (signal == SIGTERM || signal == SIGUSR2)) siglongjmp(asked_jump, 1);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

void change_mask(int how, int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(how, &set, NULL);
}
