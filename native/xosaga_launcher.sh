#!/bin/sh
# The launcher of local jobs, and their keepers, for machines without a C compiler: xosaga_launcher.c says what both do,
# docs/launcher.md what comes in and goes out and what a shell cannot promise. For dash, bash (3.2, too) and busybox.
#
#   sh xosaga_launcher.sh <directory of segments> <submitter pid> <submitter start>
#
# Names start with xo_, because a variable that comes from the environment would go back to it, changed, in every job.

set -f
unset IFS CDPATH
xo_nl='
'
# Frames are bytes; bash would read characters. Jobs get the locale back.
xo_locale=${LC_ALL-unset}
LC_ALL=C

# ---- small things ----------------------------------------------------------------------------------------------------

# The <time> of a record in xo_time. No fork where the system has /proc.
xo_now() {
  if read -r xo_time xo_rest </proc/uptime; then :; else xo_time=@$(date +%s); fi
} 2>/dev/null

# <pid> [<stat file>]: what names a process beyond the reuse of its pid, in xo_start. Fails when it is gone or a zombie.
xo_process_start() {
  if [ -d /proc/self ]; then
    IFS= read -r xo_stat <"/proc/$1/stat" || return 1
    # shellcheck disable=SC2086 # field 3 and on: the program's name before them may hold anything
    set -- ${xo_stat##*) }
    case $1 in Z | X) return 1 ;; esac
    xo_start=${20}
  else
    case $(ps -o stat= -p "$1") in '' | Z*) return 1 ;; esac
    xo_start=$(date -j -f '%a %b %d %T %Y' "$(LC_ALL=C ps -o lstart= -p "$1")" +%s)
  fi
} 2>/dev/null

# The pid of this very subshell in xo_pid ($$ is that of the launcher).
xo_own_pid() {
  if read -r xo_pid xo_rest </proc/self/stat; then :; else xo_pid=$(sh -c 'echo "$PPID"'); fi
} 2>/dev/null

# For a helper that may have outlived its keeper: then the pid may be another's.
xo_keeper_lives() {
  xo_process_start "$xo_pid" && [ "$xo_start" = "$xo_keeper_start" ]
}

# <signal>: to the keeper.
xo_signal_keeper() {
  xo_keeper_lives && kill -s "$1" "$xo_pid"
}

xo_submitter_lives() {
  xo_process_start "$xo_submitter" && [ "$xo_start" = "$xo_submitter_start" ]
}

# Standard input as <text>.
xo_encode() {
  xo_text=$(LC_ALL=C od -An -v -tu1 | LC_ALL=C awk '{
    for (i = 1; i <= NF; i++) {
      c = $i + 0
      plain = c > 32 && c < 127 && sprintf("%c", c) ~ /[A-Za-z0-9._~\/:,=+@-]/
      printf(plain ? "%c" : "%%%02X", c)
    }
  }')
  case $xo_text in '' | -) xo_text=${xo_text:+%2D} ;; esac
  xo_text=${xo_text:--}
}

# <words of a record>. Fails when it is not whole in the journal.
xo_append() {
  [ -f "$xo_dir/events" ] && printf '\n%s\n' "$1" >>"$xo_dir/events"
} 2>/dev/null

# ---- the keeper: starting a job --------------------------------------------------------------------------------------

xo_not_started() {
  xo_errno=ENOSPC
  if [ ! -w "$xo_dir/events" ]; then xo_errno=EACCES; fi
  if [ ! -f "$xo_dir/events" ]; then xo_errno=ENOENT; fi
  printf 'nostart %s %s %s cannot%%20write%%20to%%20the%%20journal\n' "$xo_segment" "$xo_number" "$xo_errno"
  exit 1
}

# Whether our `start` is the first claim of the job in the journal: "The log decides" in docs/state.md.
xo_claim() {
  xo_now
  xo_own_pid
  xo_process_start self
  xo_keeper_start=$xo_start
  xo_own="start $xo_number $xo_time $xo_pid $xo_start"
  xo_append "$xo_own" || xo_not_started
  xo_claims=$(grep -E "^(start $xo_number [^ ]+ [^ ]+ [^ ]+|never $xo_number [^ ]+ [^ ]+)\$" "$xo_dir/events")
  [ "${xo_claims%%"$xo_nl"*}" = "$xo_own" ]
}

# <errno name> <text>: the job cannot be started.
xo_fail() {
  printf %s "$2" | {
    xo_encode
    xo_record_end "failed $1 0 - - $xo_text"
  }
  exit 0
}

# <what> <path> <r, w, x or d>: a shell does not tell errno, so look for the reason.
xo_explain() {
  case $2 in */*) xo_parent=${2%/*} ;; *) xo_parent=. ;; esac
  if [ "$3" != w ] && [ ! -e "$2" ] || [ ! -e "${xo_parent:-/}" ]; then
    xo_fail ENOENT "$1: No such file or directory"
  fi
  if [ "$3" = w ] && [ -d "$2" ]; then xo_fail EISDIR "$1: Is a directory"; fi
  if [ ! -d "${xo_parent:-/}" ] || [ "$3" = d ] && [ ! -d "$2" ]; then xo_fail ENOTDIR "$1: Not a directory"; fi
  xo_fail EACCES "$1: Permission denied"
}

# Standard error of a job without Error goes to a file: its end is the error message.
xo_open_files() {
  if [ -z "$xo_error" ]; then
    xo_error=$xo_dir/$xo_number.err
    xo_tail=$xo_error
    umask 077
    [ -p "$xo_error" ] || true >"$xo_error" || xo_explain "cannot open the error '$xo_error'" "$xo_error" w
    umask "$xo_umask"
  else
    [ -p "$xo_error" ] || true >"$xo_error" || xo_explain "cannot open the error '$xo_error'" "$xo_error" w
  fi
  # A FIFO is opened by the job alone: it waits for its other end, and opening it twice would end it.
  [ -p "$xo_input" ] || true <"$xo_input" || xo_explain "cannot open the input '$xo_input'" "$xo_input" r
  [ -p "$xo_output" ] || true >"$xo_output" || xo_explain "cannot open the output '$xo_output'" "$xo_output" w
} 2>/dev/null

# The keeper is a writer of the FIFO (9) until the submitter tells by USR1 that it has opened it: xosaga_launcher.c.
xo_open_interactive() {
  xo_input=$xo_dir/$xo_number.stdin xo_output=$xo_dir/$xo_number.stdout xo_error=$xo_dir/$xo_number.stderr
  umask 077
  mkfifo "$xo_input" || xo_fail EEXIST "cannot make the FIFO '$xo_input'"
  true >"$xo_output" && true >"$xo_error" || xo_fail EACCES "cannot open the output '$xo_output'"
  umask "$xo_umask"
  exec 9<>"$xo_input"
  trap 'xo_signaled=1; exec 9>&-' USR1
} 2>/dev/null

# <number of K=V> <K=V>... <program> <argument>...: looks where exec would look, for an error that says what is wrong.
xo_check_program() {
  eval "xo_program=\${$(($1 + 2))}"
  case $1,$xo_program in
    0,*) ;;
    *=*) xo_fail EINVAL "cannot execute '$xo_program': with '=' in its path it can have no environment here" ;;
  esac
  case $xo_program in
    */*)
      if [ -f "$xo_program" ] && [ -x "$xo_program" ]; then return; fi
      if [ -d "$xo_program" ]; then xo_fail EACCES "cannot execute '$xo_program': Permission denied"; fi
      xo_explain "cannot execute '$xo_program'" "$xo_program" x
      ;;
  esac
  xo_left=$1 xo_path=$PATH xo_found=
  shift
  for xo_word do
    if [ "$xo_left" -eq 0 ]; then break; fi
    case $xo_word in PATH=*) xo_path=${xo_word#PATH=} ;; esac
    xo_left=$((xo_left - 1))
  done
  IFS=:
  for xo_folder in $xo_path; do
    if [ -f "${xo_folder:-.}/$xo_program" ]; then
      xo_found=1
      if [ -x "${xo_folder:-.}/$xo_program" ]; then unset IFS && return; fi
    fi
  done
  unset IFS
  if [ "$xo_found" ]; then xo_fail EACCES "cannot execute '$xo_program': Permission denied"; fi
  xo_fail ENOENT "cannot execute '$xo_program': No such file or directory (not found in PATH)"
}

xo_restore_locale() {
  if [ "$xo_locale" = unset ]; then unset LC_ALL; else LC_ALL=$xo_locale; fi
}

# <rank> <number of K=V> <K=V>... <program> <argument>...: becomes a process of the job.
xo_become_process() {
  xo_restore_locale
  XOSAGA_RANK=$1
  export XOSAGA_RANK
  xo_env=$xo_default_signals
  if [ "$2" -gt 0 ]; then xo_env=${xo_env:-env}; fi
  # env(1) would take such a program for a variable, print the environment and say that all is well.
  case $2,$3 in 0,*=*) xo_env= ;; esac
  shift 2
  exec $xo_prefix $xo_env "$@"
}

# In the subshell that becomes the job: its surroundings, then the only process, or the shell that leads several.
xo_become_job() {
  trap - HUP INT QUIT TSTP PIPE XFSZ TERM USR1 USR2 ALRM VTALRM
  XOSAGA_JOB_ID=$xo_id XOSAGA_SIZE=$xo_processes
  export XOSAGA_JOB_ID XOSAGA_SIZE
  exec <"$xo_input" >>"$xo_output" 2>>"$xo_error" 9>&-
  xo_prefix=$xo_setsid
  if [ "$xo_processes" -eq 1 ]; then xo_become_process 0 "$@"; fi
  xo_restore_locale
  exec $xo_setsid sh "$xo_script" ranks "$xo_pid" "$xo_dir/$xo_number.rank" "$xo_default_signals" "$@"
}

# ---- several processes -----------------------------------------------------------------------------------------------

# ranks <keeper> <file> <default signals> <number of K=V> <K=V>... <program> <argument>...
# Leads the process group of a job. The first process that fails is noted in the file and told to the keeper.
xo_lead_ranks() {
  xo_keeper=$2 xo_file=$3 xo_default_signals=$4 xo_prefix=
  shift 4
  trap : TERM
  xo_rank=0 xo_pids=
  while [ "$xo_rank" -lt "$XOSAGA_SIZE" ]; do
    xo_watch_rank "$xo_rank" "$@" <&3 &
    xo_pids="$xo_pids $!"
    xo_rank=$((xo_rank + 1))
  done 3<&0
  xo_code=0 xo_rank=0
  for xo_one in $xo_pids; do
    xo_wait "$xo_one"
    if [ "$xo_status" -ne 0 ] && [ "$xo_code" -eq 0 ]; then
      xo_code=$xo_status
      printf '%s %s\n' "$xo_rank" "$xo_status" >>"$xo_file"
    fi
    xo_rank=$((xo_rank + 1))
  done
  exit "$xo_code"
}

xo_watch_rank() {
  (xo_become_process "$@") 3<&-
  xo_status=$?
  if [ "$xo_status" -ne 0 ]; then
    printf '%s %s\n' "$1" "$xo_status" >>"$xo_file"
    kill -s USR2 "$xo_keeper"
  fi
  exit "$xo_status"
} 3<&-

# ---- the keeper: until the end ---------------------------------------------------------------------------------------

# <pid>: waits, however many signals come in between; its status is in xo_status. After a signal some shells have
# forgotten the process and some have not: the second answer counts if there is one.
xo_wait() {
  while :; do
    xo_signaled=
    wait "$1"
    xo_status=$?
    if [ -z "$xo_signaled" ] && [ "$xo_status" -le 128 ]; then return; fi
    if kill -s 0 "$1" 2>/dev/null; then continue; fi
    wait "$1" 2>/dev/null
    xo_again=$?
    if [ "$xo_again" -ne 127 ]; then xo_status=$xo_again; fi
    return
  done
}

xo_signal_group() {
  kill -s "$1" -- "-$xo_group" || kill -s "$1" "$xo_group"
} 2>/dev/null

# A subshell that has not become the job yet has no group, and could swallow a signal.
xo_await_group() {
  xo_round=0
  until kill -s 0 -- "-$xo_group" || [ "$xo_round" -ge 100 ]; do
    sleep 0.01 || sleep 1
    xo_round=$((xo_round + 1))
  done
} 2>/dev/null

# <seconds> <signal>: sends it to us then, unless it is killed before, together with its sleep. It sleeps a minute at a
# time: one that has missed to be killed is not left for long. A number with a fraction is slept at once.
xo_set_timer() {
  (
    trap 'kill "$xo_sleep"; exit' TERM
    trap - USR1 USR2 ALRM VTALRM
    xo_left=$1
    while [ "$xo_left" -gt 60 ] && xo_keeper_lives; do
      xo_sleep_on 60
      xo_left=$((xo_left - 60))
    done
    xo_sleep_on "$xo_left"
    xo_signal_keeper "$2"
  ) >/dev/null 2>&1 9>&- &
  xo_timers="$xo_timers $!"
}

# <seconds>: so that a signal is heard meanwhile.
xo_sleep_on() {
  sleep "$1" &
  xo_sleep=$!
  wait "$xo_sleep"
}

# Asks the processes to end; asked again, waits no longer. A stopped process must be continued to hear it. A shell may
# run one trap within another, so the note that we have asked comes first.
xo_terminate() {
  xo_signaled=1
  if [ "$xo_terminating" ]; then
    xo_kill_all
  else
    xo_terminating=1
    xo_await_group
    xo_signal_group TERM
    xo_signal_group CONT
    xo_set_timer "${XOSAGA_GRACE:-10}" ALRM
  fi
}

xo_cancel() {
  xo_canceled=${xo_canceled:-15}
  xo_terminate
}

# Once somebody has asked the job to end, for whatever reason, the limit means nothing more.
xo_wall_time_over() {
  xo_signaled=1
  if [ -z "$xo_terminating" ]; then
    xo_limited=wall xo_timers=
    xo_terminate
  fi
}

xo_kill_all() {
  xo_signaled=1
  if [ "$xo_canceled" ]; then xo_canceled=9; fi
  xo_signal_group KILL
  xo_kill_marked
}

# Kills every process of the job, wherever it fled: a daemon leaves the process group, but keeps its environment. Looks
# again until a look finds none, as a dying process may have forked.
xo_kill_marked() {
  xo_round=0
  while [ "$xo_round" -lt 100 ]; do
    set +f
    xo_hits=$(grep -l -s -F "XOSAGA_JOB_ID=$xo_id" /proc/[0-9]*/environ)
    set -f
    xo_killed=
    for xo_hit in $xo_hits; do
      if tr '\0' '\n' <"$xo_hit" | grep -q -x -F "XOSAGA_JOB_ID=$xo_id"; then
        xo_hit=${xo_hit#/proc/}
        kill -s KILL "${xo_hit%/environ}" && xo_killed=1
      fi
    done
    if [ -z "$xo_killed" ]; then break; fi
    xo_round=$((xo_round + 1))
  done
} 2>/dev/null

# An interactive job ends with its submitter.
xo_watch_submitter() {
  (
    trap - USR1 USR2 ALRM VTALRM TERM
    while xo_submitter_lives; do sleep 1; done
    xo_signal_keeper TERM
  ) >/dev/null 2>&1 9>&- &
  xo_watcher=$!
}

xo_record_end() {
  xo_now
  rm -f "$xo_dir/$xo_number.rank" ${xo_interactive:+"$xo_dir/$xo_number.stdin"} ${xo_tail:+"$xo_tail"}
  until xo_append "end $xo_number $xo_time $1" || [ ! -e "$xo_dir/events" ]; do sleep 1; done
}

# The outcome of the job whose leader ended with xo_status.
xo_record_outcome() {
  xo_rank=0 xo_text=-
  if [ "$xo_processes" -gt 1 ] && [ -s "$xo_dir/$xo_number.rank" ]; then
    read -r xo_rank xo_status <"$xo_dir/$xo_number.rank"
  fi
  xo_outcome="exit $xo_status"
  if [ "$xo_limited" ]; then
    xo_outcome="limit $xo_limited" xo_rank=0
  elif [ "$xo_canceled" ] && [ -z "$xo_failed_first" ]; then
    xo_outcome="canceled $xo_canceled" xo_rank=0
  fi
  # A regular file only: what is none could block. What an interactive job says there is for its submitter to read.
  if [ "$xo_outcome" != 'exit 0' ] && [ -z "$xo_interactive" ] && [ -f "$xo_error" ] && [ -r "$xo_error" ]; then
    xo_text=$(tail -c 2048 <"$xo_error" | { xo_encode && printf %s "$xo_text"; })
  fi
  xo_record_end "$xo_outcome $xo_rank - - $xo_text"
}

# Of several processes one has failed. A cancel that came first remains one.
xo_rank_failed() {
  xo_signaled=1
  if [ -z "$xo_terminating" ]; then
    xo_failed_first=1
    xo_terminate
  fi
}

# What was asked before there was anybody to ask.
xo_catch_up() {
  if [ "$xo_terminating" ]; then return; fi
  if [ "$xo_canceled" ]; then xo_terminate; fi
  if [ "$xo_failed_early" ]; then xo_rank_failed; fi
}

# <options>: those that this launcher knows. Without what it asks for a job must not run.
xo_parse_options() {
  xo_interactive='' xo_wall=''
  for xo_option in $1; do
    case $xo_option in
      i) xo_interactive=i ;;
      wall=[1-9]*) xo_wall=${xo_option#wall=} ;;
      *)
        echo 'bad frame'
        exit 0
        ;;
    esac
  done
}

# job <segment> <n> <offset> <options> <processes> <id> <cwd> <input> <output> <error> <number of K=V> <K=V>... <argv>...
# The life of a keeper.
job() {
  xo_segment=$1 xo_number=$2 xo_dir=$xo_directory/$1 xo_processes=$5 xo_id=$6 xo_cwd=$7
  xo_input=${8:-/dev/null} xo_output=${9:-/dev/null} xo_error=${10}
  xo_parse_options "$4"
  xo_canceled='' xo_terminating='' xo_limited='' xo_timers='' xo_failed_first='' xo_failed_early='' xo_watcher='' xo_tail=''
  shift 10
  trap 'xo_canceled=15' TERM
  trap '' XFSZ
  trap 'xo_failed_early=1' USR2
  trap : USR1 ALRM VTALRM
  xo_claim || exit 0
  exec >/dev/null
  if [ "$xo_cwd" ]; then
    case $xo_cwd in /*) ;; *) xo_cwd=./$xo_cwd ;; esac
    cd -P "$xo_cwd" 2>/dev/null || xo_explain "cannot change to directory '$xo_cwd'" "$xo_cwd" d
  fi
  if [ "$xo_interactive" ]; then xo_open_interactive; else xo_open_files; fi
  xo_check_program "$@"
  if [ "$xo_canceled" ]; then
    xo_record_end 'canceled 15 0 - - -'
    exit 0
  fi
  if [ -z "$xo_setsid" ]; then set -m; fi
  (xo_become_job "$@") &
  xo_group=$!
  set +m
  trap xo_cancel TERM
  trap xo_rank_failed USR2
  trap xo_kill_all ALRM
  trap xo_wall_time_over VTALRM
  xo_catch_up
  xo_now
  xo_append "run $xo_number $xo_time $xo_group"
  if [ "$xo_wall" ]; then xo_set_timer "$xo_wall" VTALRM; fi
  if [ "$xo_interactive" ]; then xo_watch_submitter; fi
  xo_wait "$xo_group"
  trap '' TERM USR1 USR2 ALRM VTALRM
  kill -s KILL -- "-$xo_group" 2>/dev/null
  if [ "$xo_canceled$xo_limited" ]; then xo_kill_marked; fi
  # shellcheck disable=SC2086 # pids
  if [ "$xo_timers" ]; then kill $xo_timers 2>/dev/null; fi
  # Not TERM: a subshell that has just been forked loses it, and would watch the submitter for as long as that lives.
  if [ "$xo_watcher" ]; then kill -s KILL "$xo_watcher" 2>/dev/null; fi
  xo_record_outcome
}

# ---- the launcher ----------------------------------------------------------------------------------------------------

# What jobs need of the system, asked once. Without job control a shell lets background processes ignore INT and QUIT,
# which only a newer env(1) can undo; and it gives them no process group, which setsid(1) or `set -m` does.
xo_prepare() {
  xo_umask=$(umask)
  xo_setsid=$(command -v setsid)
  xo_default_signals=
  if env --default-signal=INT true; then xo_default_signals='env --default-signal=INT,QUIT'; fi
} 2>/dev/null

# A frame is one line. A torn last one has no newline and is not a line for read. jobs(1) buries ended keepers.
xo_serve() {
  trap '' HUP INT QUIT TSTP PIPE
  while IFS= read -r xo_line; do
    case $xo_line in
      'job '*) (eval "$xo_line") </dev/null & ;;
      *) echo 'bad frame' ;;
    esac
    jobs >/dev/null 2>&1
  done
}

case $0 in /*) xo_script=$0 ;; *) xo_script=$PWD/$0 ;; esac
if [ "$1" = ranks ]; then xo_lead_ranks "$@"; fi
if [ $# -ne 3 ]; then
  echo 'usage: sh xosaga_launcher.sh <directory of segments> <submitter pid> <submitter start>' >&2
  exit 2
fi
xo_directory=$1 xo_submitter=$2 xo_submitter_start=$3
xo_prepare
xo_serve
exit 0
