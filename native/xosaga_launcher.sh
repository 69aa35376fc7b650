#!/bin/sh
# The launcher of local jobs, and their keepers, for machines without a C compiler: native/launcher/ says what both do,
# docs/launcher.md what comes in and goes out and what a shell cannot promise. For dash, bash (3.2, too) and busybox.
#
#   sh xosaga_launcher.sh <directory of segments> <submitter pid> <submitter start> <staging script>
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

# <phase>: tells what the job waits for or does, once each time that it begins to.
xo_enter_phase() {
  if [ "$1" = "$xo_phase" ]; then return; fi
  xo_phase=$1
  xo_now
  xo_append "phase $xo_number $xo_time $1"
}

# ---- the keeper: starting a job --------------------------------------------------------------------------------------

xo_not_started() {
  xo_errno=ENOSPC
  if [ ! -w "$xo_dir/events" ]; then xo_errno=EACCES; fi
  if [ ! -f "$xo_dir/events" ]; then xo_errno=ENOENT; fi
  printf 'nostart %s %s %s cannot%%20write%%20to%%20the%%20journal\n' "$xo_segment" "$xo_number" "$xo_errno"
  exit 1
}

# Whether our `start` is the first claim of the job in the journal: "The log decides" in docs/state.md. Reads the hold, too.
xo_claim() {
  xo_now
  xo_own_pid
  xo_process_start self
  xo_keeper_start=$xo_start
  xo_own="start $xo_number $xo_time $xo_pid $xo_start"
  xo_append "$xo_own" || xo_not_started
  xo_read_journal
  [ "$xo_first" = "$xo_own" ]
}

# The first claim of the job in xo_first; whether the job is held in xo_held.
xo_read_journal() {
  xo_first='' xo_look=''
  IFS=$xo_nl
  for xo_line in $(grep -E "^(start $xo_number [^ ]+ [^ ]+ [^ ]+|(never $xo_number [^ ]+|hold $xo_number|release $xo_number) [^ ]+)\$" \
    "$xo_dir/events"); do
    case $xo_line in
      hold*) xo_held=1 ;;
      release*) xo_held= ;;
      *) xo_first=${xo_first:-$xo_line} ;;
    esac
  done
  unset IFS
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

# <file>: makes it, and empties it unless an earlier job has written what this one goes on with.
xo_empty() {
  if [ "$xo_append" ]; then true >>"$1"; else true >"$1"; fi
}

# Standard error of a job without Error goes to a file: its end is the error message.
xo_open_files() {
  if [ -z "$xo_error" ]; then
    xo_error=$xo_dir/$xo_number.err
    xo_tail=$xo_error
    umask 077
    [ -p "$xo_error" ] || xo_empty "$xo_error" || xo_explain "cannot open the error '$xo_error'" "$xo_error" w
    umask "$xo_umask"
  else
    [ -p "$xo_error" ] || xo_empty "$xo_error" || xo_explain "cannot open the error '$xo_error'" "$xo_error" w
  fi
  # A FIFO is opened by the job alone: it waits for its other end, and opening it twice would end it.
  [ -p "$xo_input" ] || true <"$xo_input" || xo_explain "cannot open the input '$xo_input'" "$xo_input" r
  [ -p "$xo_output" ] || xo_empty "$xo_output" || xo_explain "cannot open the output '$xo_output'" "$xo_output" w
} 2>/dev/null

# The keeper is a writer of the FIFO (9) until the submitter tells by USR1 that it has opened it: launcher/streams.c.
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
  if [ "$xo_started" ]; then printf . >>"$xo_started"; fi
  exec $xo_prefix $xo_env "$@"
}

# In the subshell that becomes the job: its surroundings, then the only process, or the shell that leads several.
xo_become_job() {
  trap - HUP INT QUIT TSTP PIPE XFSZ TERM USR1 USR2 ALRM VTALRM
  XOSAGA_JOB_ID=$xo_id XOSAGA_SIZE=$xo_processes
  export XOSAGA_JOB_ID XOSAGA_SIZE
  exec <"$xo_input" >>"$xo_output" 2>>"$xo_error" 5>&- 7>&- 9>&-
  xo_prefix=$xo_setsid
  if [ "$xo_processes" -eq 1 ]; then xo_become_process 0 "$@"; fi
  xo_restore_locale
  exec $xo_setsid sh "$xo_script" ranks "$xo_pid" "$xo_dir/$xo_number.rank" "$xo_default_signals" "$@"
}

# ---- several processes -----------------------------------------------------------------------------------------------

# ranks <keeper> <file> <default signals> <number of K=V> <K=V>... <program> <argument>...
# Leads the process group of a job. The first process that fails is noted in the file and told to the keeper.
xo_lead_ranks() {
  xo_keeper=$2 xo_file=$3 xo_default_signals=$4 xo_prefix='' xo_started=${3}s
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

# ---- the keeper: before the job may start ----------------------------------------------------------------------------
# "Before a job starts" in docs/state.md. What asks for an answer meanwhile comes as a signal, and leaves a note: a cancel
# in xo_canceled, a look at the journal in xo_look. To wait is to fail when there is such a note.

xo_is_asked() { [ "$xo_canceled$xo_look" ]; }

# <pid>: waits for a helper, which a note ends. Fails when there is one.
xo_await() {
  while :; do
    if xo_is_asked; then break; fi
    wait "$1"
    xo_status=$?
    # A signal may interrupt the wait, and a helper that was waited for may be forgotten.
    if [ "$xo_status" -le 128 ] || ! kill -s 0 "$1"; then break; fi
  done
  if ! xo_is_asked; then return 0; fi
  kill "$1"
  return 1
} 2>/dev/null

xo_wait_a_second() {
  sleep 1 5>&- 7>&- 8>&- 9>&- &
  xo_await "$!"
}

# Until the job may be started; fails when it was canceled. A second is how often clocks and other jobs are looked at.
xo_wait_to_start() {
  until [ "$xo_canceled" ]; do
    if [ "$xo_look" ]; then
      xo_read_journal
      # Every hold is answered.
      if [ "$xo_phase" = held ]; then xo_phase=; fi
    elif [ "$xo_held" ]; then
      xo_give_places_back
      xo_enter_phase held
      xo_wait_a_second
    elif [ "$xo_at" ] && [ "$(date +%s)" -lt "$xo_at" ] || ! xo_dependencies_are_met; then
      xo_enter_phase pending
      xo_wait_a_second
    elif xo_take_all_places && ! xo_is_asked; then
      return 0
    else
      xo_give_places_back
    fi
  done
  xo_give_places_back
  return 1
}

# ---- the keeper: dependencies ----------------------------------------------------------------------------------------

# Those that are met need not be looked at again. Ends the keeper when one cannot be met any more.
xo_dependencies_are_met() {
  xo_left=
  for xo_dependency in $xo_dependencies; do
    xo_judge "$xo_dependency" || xo_left="$xo_left $xo_dependency"
  done
  xo_dependencies=$xo_left
  [ -z "$xo_left" ]
}

# <type>=<segment>:<first>-<last>:<pid>:<start>: whether it is met.
xo_judge() {
  xo_type=${1%%=*} xo_word=${1#*=}
  IFS=:-
  # shellcheck disable=SC2086 # words of the option, checked when it was read
  set -- $xo_word
  unset IFS
  xo_other=$1 xo_journal=$xo_directory/$1/events
  xo_read_verdict "$2" "$3"
  if [ "$xo_verdict" = wait ] && xo_bury_the_dead "$4" "$5"; then xo_read_verdict "$2" "$3"; fi
  case $xo_verdict in
    wait) return 1 ;;
    met) sync -d "$xo_journal" 2>/dev/null || sync ;; # an end is believed when it is durable
    *) xo_fail ECANCELED "the dependency '$xo_type' on job $xo_other.${xo_verdict#never } cannot be met any more" ;;
  esac
}

# <first> <last>: what the journal says of these jobs: "met", "wait", or "never <n>", in xo_verdict; those that have not ended, with
# pid and start of the keeper if they have one, in xo_unended.
xo_read_verdict() {
  xo_found=$({ cat "$xo_journal" || echo gone; } | awk -v type="$xo_type" -v first="$1" -v last="$2" '
    BEGIN { FS = "[ ]"; split("start 5 never 4 run 4 lost 3 end 9", w, " "); for (i = 1; i < 10; i += 2) words[w[i]] = w[i + 1] }
    $0 == "gone" { gone = 1 }
    NF != words[$1] || length($0) > 8192 || $2 !~ /^[1-9][0-9]*$/ || $2 + 0 < first + 0 || $2 + 0 > last + 0 { next }
    { for (i = 1; i <= NF; i++) if ($i == "") next }
    $1 == "start" && !($2 in claim) { claim[$2] = $4 " " $5 }
    $1 == "never" && !($2 in claim) { claim[$2] = "nobody"; if (!($2 in end)) end[$2] = "never" }
    $1 == "run" { run[$2] = 1 }
    $1 == "lost" && !($2 in end) { end[$2] = "lost" }
    $1 == "end" && !($2 in end) { end[$2] = $4 " " $5 }
    END {
      verdict = "met"
      for (n = first + 0; n <= last + 0; n++) {
        ended = (n in end) || gone
        ok = !gone && end[n] == "exit 0"
        if (type == "after") met = (n in run) || gone
        else if (type == "afterany") met = ended
        else met = ended && !gone && (type == "afterok" ? ok : !ok)
        if (met) continue
        if (ended) { verdict = "never " n; break }
        verdict = "wait"
        unended = unended "\n" n " " claim[n]
      }
      print verdict unended
    }')
  xo_verdict=${xo_found%%"$xo_nl"*} xo_unended=${xo_found#"$xo_verdict"}
} 2>/dev/null

# <submitter pid> <submitter start>: as every observer does, records what became of jobs whose keeper is dead, or that nobody
# will start any more. Fails when there is no such job.
xo_bury_the_dead() {
  xo_buried=
  xo_process_start "$1" && [ "$xo_start" = "$2" ] && xo_alive=1 || xo_alive=
  IFS=$xo_nl
  for xo_line in $xo_unended; do
    unset IFS
    # shellcheck disable=SC2086
    set -- $xo_line
    if [ $# -eq 1 ] && [ -z "$xo_alive" ]; then
      xo_bury "never $1" ' gone'
    elif [ $# -eq 3 ] && ! { xo_process_start "$2" && [ "$xo_start" = "$3" ]; }; then
      xo_kill_marked "$xo_other.$1"
      xo_bury "lost $1" ''
    fi
  done
  unset IFS
  [ "$xo_buried" ]
}

# <word and n> <rest>
xo_bury() {
  xo_now
  xo_buried=1
  if [ -f "$xo_journal" ]; then printf '\n%s %s%s\n' "$1" "$xo_time" "$2" >>"$xo_journal"; fi
} 2>/dev/null

# ---- the keeper: places ----------------------------------------------------------------------------------------------
# One place is locked through a descriptor of the keeper (5). A shell has too few of these for more, so a helper holds the others.
# It reads from a FIFO (7) of which the keeper is the only writer: when that is closed, by the keeper or by its death, the helper
# ends. So the kernel frees the locks, whatever happens; for that no other process may inherit 5, 7 or 8.

# Without flock(1) places are not kept: docs/launcher.md, "What a shell cannot promise".
xo_take_all_places() {
  if [ -z "$xo_flock" ]; then return 0; fi
  # shellcheck disable=SC2086 # two words at most, checked when they were read
  for xo_word in $xo_places; do
    xo_need=${xo_word#*:}
    xo_take_places "$xo_directory/${xo_word%%:*}" "${xo_need%/*}" "${xo_need#*/}" || return 1
  done
}

# <directory> <k> <N>: who has locked the turnstile (8) is the only one who takes places.
xo_take_places() {
  # A redirection that fails would end a keeper without a word.
  if [ ! -w "$1" ]; then xo_fail ENOENT "cannot wait for a place in '$1': No such directory, or not ours to write to"; fi
  exec 8>>"$1/turnstile"
  if ! flock -n 8; then
    xo_enter_phase pending
    flock 8 5>&- 7>&- 9>&- &
    xo_await "$!" || { exec 8>&- && return 1; }
  fi
  until xo_lock_places "$@"; do
    xo_enter_phase pending
    xo_await_free "$1" || { exec 8>&- && return 1; }
  done
  exec 8>&-
}

# <directory> <k> <N>: fails when fewer are free; those that are not are then in xo_taken.
xo_lock_places() {
  xo_taken=
  if [ "$2" -eq 1 ] && [ -z "$xo_one" ]; then
    xo_lock_one "$1" "$3"
  else
    # shellcheck disable=SC2086 # numbers
    xo_find_free "$@" && xo_hold_places "$1" $xo_free
  fi
}

# <directory> <N>
xo_lock_one() {
  xo_place=0
  while [ "$xo_place" -lt "$2" ]; do
    exec 5>>"$1/$xo_place"
    if flock -n 5 7>&- 8>&- 9>&-; then
      xo_one=1
      return 0
    fi
    xo_taken="$xo_taken $xo_place"
    xo_place=$((xo_place + 1))
  done
  exec 5>&-
  return 1
}

# <directory> <k> <N>: k free ones in xo_free.
xo_find_free() {
  xo_free='' xo_missing=$2 xo_place=0
  while [ "$xo_place" -lt "$3" ] && [ "$xo_missing" -gt 0 ]; do
    if xo_is_free "$1/$xo_place"; then
      xo_free="$xo_free $xo_place" xo_missing=$((xo_missing - 1))
    else
      xo_taken="$xo_taken $xo_place"
    fi
    xo_place=$((xo_place + 1))
  done
  [ "$xo_missing" -eq 0 ]
}

xo_is_free() { flock -n "$1" true 5>&- 7>&- 8>&- 9>&-; }

# <directory>: until one of those in xo_taken is free. Fails when there is a note.
xo_await_free() {
  xo_freed='' xo_waiters=''
  trap 'xo_freed=1' USR1
  for xo_place in $xo_taken; do
    flock "$1/$xo_place" sh "$xo_script" wake "$xo_pid" "$xo_keeper_start" 5>&- 7>&- 8>&- 9>&- &
    xo_waiters="$xo_waiters $!"
  done
  until [ "$xo_freed" ] || xo_is_asked; do
    sleep 1 5>&- 7>&- 8>&- 9>&- &
    xo_sleep=$!
    if [ -z "$xo_freed" ] && ! xo_is_asked; then wait "$xo_sleep"; fi
    kill "$xo_sleep"
  done
  # shellcheck disable=SC2086 # pids
  kill $xo_waiters
  trap : USR1
  ! xo_is_asked
} 2>/dev/null

# wake <pid> <start>: tells the keeper that a place was free.
xo_wake() {
  xo_pid=$2 xo_keeper_start=$3
  xo_signal_keeper USR1
}

# <directory> <place>...: the helper that locks them. They are free, and nobody else takes any, so that it does so at once.
xo_hold_places() {
  if [ -z "$xo_helped" ]; then
    xo_fifo=$xo_dir/$xo_number.alive
    rm -f "$xo_fifo"
    mkfifo -m 600 "$xo_fifo" || xo_fail EEXIST "cannot make the FIFO '$xo_fifo'"
    exec 7<>"$xo_fifo" 6<"$xo_fifo"
    rm -f "$xo_fifo"
    xo_helped=1
  fi
  xo_folder=$1
  shift
  xo_count=$#
  for xo_place do set -- "$@" flock "$xo_folder/$xo_place"; done
  shift "$xo_count"
  "$@" cat <&6 >/dev/null 5>&- 7>&- 8>&- 9>&- &
  xo_helper=$!
  while xo_is_free "$xo_folder/$xo_place" && kill -s 0 "$xo_helper"; do :; done
} 2>/dev/null

xo_give_places_back() {
  if [ "$xo_one" ]; then exec 5>&-; fi
  if [ "$xo_helped" ]; then exec 7>&- 6<&-; fi
  xo_one='' xo_helped=''
}

# ---- the keeper: staging ---------------------------------------------------------------------------------------------

# <in or out> <number of fields> <field>...: carries out these steps and ignores what follows. Fails when one failed, with the reason as
# <text> in xo_text, or when there was a cancel.
xo_stage() {
  if [ "$2" -eq 0 ]; then return 0; fi
  xo_enter_phase "staging_$1"
  xo_direction=$1 xo_count=$2
  shift 2
  xo_others=$(($# - xo_count))
  while [ "$xo_count" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    xo_count=$((xo_count - 1))
  done
  shift "$xo_others"
  xo_said=$xo_dir/$xo_number.staging xo_terminating='' xo_timers=''
  (umask 077 && true >"$xo_said")
  if [ -z "$xo_setsid" ]; then set -m; fi
  (xo_become_staging "$@") &
  xo_group=$!
  set +m
  xo_staged=1
  trap xo_cancel TERM
  trap xo_kill_all ALRM
  if [ "$xo_canceled" ]; then xo_terminate; fi
  xo_wait "$xo_group"
  xo_staged=
  trap 'xo_canceled=15' TERM
  trap : ALRM
  # shellcheck disable=SC2086 # pids
  if [ "$xo_timers" ]; then kill $xo_timers 2>/dev/null; fi
  xo_terminating=
  if [ "$xo_status" -ne 0 ]; then xo_clear_staging "$@"; fi
  if [ "$xo_canceled" ]; then return 1; fi
  if [ "$xo_status" -eq 0 ]; then return 0; fi
  if [ ! -s "$xo_said" ]; then echo 'the staging script was ended' >"$xo_said"; fi
  # Without the newline at its end.
  xo_text=$(printf %s "$(tail -c 512 <"$xo_said")" | { xo_encode && printf %s "$xo_text"; })
  return 1
}

# <step>...: the script may have been killed, and leave a temporary file.
xo_clear_staging() {
  sh "$xo_staging" clear "$xo_direction" "$xo_id" "$@" </dev/null >/dev/null 2>&1 5>&- 7>&- 8>&- 9>&-
}

# In the subshell that becomes the staging script: it is killed with the job by its mark.
xo_become_staging() {
  trap - HUP INT QUIT TSTP PIPE XFSZ TERM USR1 USR2 ALRM VTALRM
  xo_restore_locale
  XOSAGA_JOB_ID=$xo_id
  export XOSAGA_JOB_ID
  exec </dev/null >/dev/null 2>>"$xo_said" 5>&- 7>&- 8>&- 9>&-
  # shellcheck disable=SC2086 # empty, or one word
  exec $xo_setsid sh "$xo_staging" "$xo_direction" "$xo_id" "$@"
}

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

# A subshell that has not become the job yet has no group; one that has just been forked still has our traps, and would swallow a
# signal. So each of several processes says that it is there, a moment before it executes its program.
xo_await_group() {
  xo_round=0
  until xo_is_started || [ "$xo_round" -ge 100 ]; do
    sleep 0.01 || sleep 1
    xo_round=$((xo_round + 1))
  done
} 2>/dev/null

xo_is_started() {
  kill -s 0 -- "-$xo_group" || return 1
  if [ "$xo_processes" -eq 1 ] || [ "$xo_staged" ]; then return 0; fi
  [ "$(wc -c <"$xo_dir/$xo_number.ranks")" -ge "$xo_processes" ]
}

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
  ) >/dev/null 2>&1 5>&- 7>&- 9>&- &
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
  xo_kill_marked "$xo_id"
}

# <id>: kills every process of the job, wherever it fled: a daemon leaves the process group, but keeps its environment. Looks
# again until a look finds none, as a dying process may have forked.
xo_kill_marked() {
  xo_round=0 xo_mark=XOSAGA_JOB_ID=$1
  while [ "$xo_round" -lt 100 ]; do
    set +f
    xo_hits=$(grep -l -s -F "$xo_mark" /proc/[0-9]*/environ)
    set -f
    xo_killed=
    for xo_hit in $xo_hits; do
      if tr '\0' '\n' <"$xo_hit" | grep -q -x -F "$xo_mark"; then
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
  ) >/dev/null 2>&1 5>&- 7>&- 9>&- &
  xo_watcher=$!
}

xo_record_end() {
  xo_now
  rm -f "$xo_dir/$xo_number.rank" "$xo_dir/$xo_number.ranks" ${xo_said:+"$xo_said"} ${xo_interactive:+"$xo_dir/$xo_number.stdin"} ${xo_tail:+"$xo_tail"}
  until xo_append "end $xo_number $xo_time $1" || [ ! -e "$xo_dir/events" ]; do sleep 1; done
}

# The outcome of the job whose leader ended with xo_status.
xo_decide_outcome() {
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
}

# <steps after the end>...: brings the results out, unless somebody does not want them any more. A failure that was there first
# remains the outcome.
xo_bring_out() {
  case $xo_outcome in canceled*) return ;; esac
  xo_reason=$xo_text
  xo_canceled=
  trap 'xo_canceled=15' TERM
  if xo_stage out "$@"; then
    xo_text=$xo_reason
  elif [ "$xo_canceled" ]; then
    xo_outcome="canceled $xo_canceled" xo_rank=0 xo_text=-
  elif [ "$xo_outcome" = 'exit 0' ]; then
    xo_outcome='staging out'
  else
    xo_text=${xo_reason#-}%0Astaging%20out%20failed:%20$xo_text
  fi
}

# Of several processes one has failed. A cancel that came first remains one. The signal alone says nothing: a hold that came
# too late has the same.
xo_rank_failed() {
  xo_signaled=1
  if [ -z "$xo_terminating" ] && [ -s "$xo_dir/$xo_number.rank" ]; then
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
  xo_interactive='' xo_append='' xo_wall='' xo_held='' xo_at='' xo_dependencies='' xo_places=''
  for xo_option in $1; do
    case $xo_option in
      i) xo_interactive=i ;;
      append) xo_append=1 ;;
      hold) xo_held=1 ;;
      wall=[1-9]*) xo_wall=${xo_option#wall=} ;;
      at=[0-9]*) xo_at=${xo_option#at=} ;;
      places=?*:[1-9]*/[1-9]*) xo_places="$xo_places ${xo_option#places=}" ;;
      after=?*:*-*:*:?* | afterok=?*:*-*:*:?* | afternotok=?*:*-*:*:?* | afterany=?*:*-*:*:?*)
        xo_dependencies="$xo_dependencies $xo_option"
        ;;
      *)
        echo 'bad frame'
        exit 0
        ;;
    esac
  done
}

# job <segment> <n> <offset> <options> <processes> <id> <cwd> <input> <output> <error> <number of fields> <steps before>...
#   <number of fields> <steps after>... <number of K=V> <K=V>... <argv>...
# The life of a keeper.
job() {
  xo_segment=$1 xo_number=$2 xo_dir=$xo_directory/$1 xo_processes=$5 xo_id=$6 xo_cwd=$7
  xo_input=${8:-/dev/null} xo_output=${9:-/dev/null} xo_error=${10}
  xo_parse_options "$4"
  xo_canceled='' xo_terminating='' xo_limited='' xo_timers='' xo_failed_first='' xo_failed_early='' xo_watcher='' xo_tail=''
  xo_look='' xo_phase='' xo_one='' xo_helped='' xo_said='' xo_staged='' xo_started=''
  shift 10
  trap 'xo_canceled=15' TERM
  trap 'xo_look=1' USR2
  trap '' XFSZ
  trap : USR1 ALRM VTALRM
  xo_claim || exit 0
  exec >/dev/null
  xo_wait_to_start && xo_stage in "$@" || xo_end_before_start
  shift $(($1 + 1))
  trap 'xo_failed_early=1' USR2
  if [ "$xo_cwd" ]; then
    case $xo_cwd in /*) ;; *) xo_cwd=./$xo_cwd ;; esac
    cd -P "$xo_cwd" 2>/dev/null || xo_explain "cannot change to directory '$xo_cwd'" "$xo_cwd" d
  fi
  if [ "$xo_interactive" ]; then xo_open_interactive; else xo_open_files; fi
  xo_run_job "$@"
  xo_decide_outcome
  xo_give_places_back
  xo_bring_out "$@"
  trap '' TERM
  xo_record_end "$xo_outcome $xo_rank - - $xo_text"
}

# Canceled, or without its files.
xo_end_before_start() {
  if [ "$xo_canceled" ]; then xo_record_end 'canceled 15 0 - - -'; else xo_record_end "staging in 0 - - $xo_text"; fi
  exit 0
}

# <number of fields> <steps after>... <number of K=V> <K=V>... <argv>...: starts the processes and waits for their end.
xo_run_job() {
  shift $(($1 + 1))
  xo_check_program "$@"
  if [ "$xo_canceled" ]; then xo_end_before_start; fi
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
  if [ "$xo_canceled$xo_limited" ]; then xo_kill_marked "$xo_id"; fi
  # shellcheck disable=SC2086 # pids
  if [ "$xo_timers" ]; then kill $xo_timers 2>/dev/null; fi
  # Not TERM: a subshell that has just been forked loses it, and would watch the submitter for as long as that lives.
  if [ "$xo_watcher" ]; then kill -s KILL "$xo_watcher" 2>/dev/null; fi
}

# ---- the launcher ----------------------------------------------------------------------------------------------------

# What jobs need of the system, asked once. Without job control a shell lets background processes ignore INT and QUIT,
# which only a newer env(1) can undo; and it gives them no process group, which setsid(1) or `set -m` does.
xo_prepare() {
  xo_umask=$(umask)
  xo_setsid=$(command -v setsid)
  xo_flock=$(command -v flock)
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
case $1 in
  ranks) xo_lead_ranks "$@" ;;
  wake)
    xo_wake "$@"
    exit
    ;;
esac
if [ $# -ne 4 ]; then
  echo 'usage: sh xosaga_launcher.sh <directory of segments> <submitter pid> <submitter start> <staging script>' >&2
  exit 2
fi
xo_directory=$1 xo_submitter=$2 xo_submitter_start=$3 xo_staging=$4
xo_prepare
xo_serve
exit 0
